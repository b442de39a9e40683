# --- running tools --------------------------------------------------------------------------------------------

# start COMMAND...: a tool in the background, with descriptor 3 for its input and 4 for its errors. A shell gives what it
# starts there no input of its own accord.
start() {
  find_tool "$1"
  shift
  "$tool" "$@" <&3 3<&- 2>&4 4>&- &
  child=$!
}

# await_child: for as long as a tool may take. $code is its status, and $late says whether it had to be ended.
await_child() {
  uptime_seconds
  { echo "$now" > "$work/calls/$child"; } 2> /dev/null
  wait "$child"
  code=$? late=no
  { true > "$work/calls/$child"; } 2> /dev/null
  [ ! -e "$work/calls/$child.late" ] || late=yes
}

# limited COMMAND...: a tool, with a time limit.
limited() {
  start "$@" 3<&0 4>&2 || return 1
  await_child
  [ "$late" = no ] || problem="${tool##*/} took longer than $limit s"
  return "$code"
}

# Filters of texts. What they have to say, the operator hears.
awk() { limited awk "$@"; }
sort() { limited sort "$@"; }
comm() { limited comm "$@"; }
sha256sum() { limited sha256sum "$@"; }

# call NAME COMMAND...: a tool, with a time limit. $problem says what went wrong, $errors holds its words.
call() {
  called=$1 code=1 late=no
  shift
  if start "$@" 3<&0 4> "$errors"; then await_child; fi
  [ "$code" -eq 0 ] && return 0
  if [ "$late" = yes ]; then
    problem="$called took longer than $limit s"
  else
    problem="$called failed with $code: $(awk 'NR <= 3' "$errors" 2> /dev/null)"
  fi
  return "$code"
}

# Ends calls that take too long, from the background, as long as this run lives.
watch_calls() {
  (
    trap - INT TERM HUP QUIT
    while sleep 1 && kill -0 $$ 2> /dev/null; do
      uptime_seconds
      for file in "$work"/calls/*; do
        { read -r started < "$file"; } 2> /dev/null || continue
        child=${file##*/}
        if [ $((now - started)) -gt $((limit + 5)) ]; then
          kill -KILL "$child"
        elif [ $((now - started)) -gt "$limit" ]; then
          true > "$file.late"
          kill "$child"
        fi
      done
    done
  ) < /dev/null > /dev/null 2>&1 9>&- &
  watcher=$!
}

# in_background NAME COMMAND...: a function or tool that runs beside others; join tells how they ended. What it starts there
# itself, it has to join.
in_background() {
  job=$1
  shift
  (
    running='' name_of_job=$job
    errors=$work/errors.$job
    "$@" && exit 0
    printf '%s\n' "$problem" > "$work/problem.$name_of_job"
    exit 1
  ) &
  running="$running $!:$job"
}

# Waits for all that runs in the background. 1: one of them failed, and $problem says why.
join() {
  failed=''
  for job in $running; do
    wait "${job%%:*}" || failed=${job#*:}
  done
  running=''
  [ -n "$failed" ] || return 0
  problem=$(cat "$work/problem.$failed" 2> /dev/null) || problem="$failed was interrupted"
  return 1
}

# Whether what reading the node again takes, also on a way back, would have room in $work; keeps it free until release_room.
# The little that loading writes comes beside.
reserve_room() {
  problem="not enough room in ${work%/*}: make some"
  limited cat "$@" > "$work/room.kept" 2> "$errors" && { printf '%65536s' '' > "$work/room.beside"; } 2> "$errors" &&
    true > "$work/room.beside"
}

release_room() { true > "$work/room.kept"; }

# find_tool NAME: $tool is its path. The shell of busybox would take its own "ip", which cannot do what is needed.
find_tool() {
  tool=$1
  old_ifs=$IFS
  IFS=:
  for bin in $PATH; do
    [ -x "$bin/$1" ] || continue
    tool=$bin/$1
    break
  done
  IFS=$old_ifs
}

has() { command -v "$1" > /dev/null 2>&1; }

# Seconds that no change of the clock moves.
uptime_seconds() {
  read -r up rest < /proc/uptime
  now=${up%%.*}
}

boot_id() { read -r boot < /proc/sys/kernel/random/boot_id; }

# path_of SETTING: $path is its file.
path_of() {
  path=/proc/sys
  tail=$1
  while [ -n "$tail" ]; do
    path=$path/${tail%%.*}
    case $tail in
      *.*) tail=${tail#*.} ;;
      *) tail='' ;;
    esac
  done
}
