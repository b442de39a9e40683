# --- the lock -------------------------------------------------------------------------------------------------

take_lock() {
  state_advice='it has to be a folder that can be written to, with room; --state-dir names another one'
  [ -d "$state" ] || mkdir -p "$state" 2> "$errors" || refuse "cannot make $state ($(cat "$errors")): $state_advice"
  { true > "$state/lock"; } 2> "$errors" || refuse "cannot write to $state ($(cat "$errors")): $state_advice"
  uptime_seconds
  until=$((now + wait))
  if has flock; then
    exec 9> "$state/lock"
    flock -n 9 && remove_remains && return 0
    [ "$wait" -eq 0 ] || say note 'another run holds the lock: waiting'
    # That of busybox cannot wait for a time.
    while [ "$now" -lt "$until" ]; do
      sleep 1
      flock -n 9 && remove_remains && return 0
      uptime_seconds
    done
  else
    while :; do
      take_numbered_lock && remove_remains && return 0
      uptime_seconds
      [ "$now" -lt "$until" ] || break
      sleep 1
    done
  fi
  say error "another run holds the lock of $state: try again when it has ended"
  report locked
  finish 5
}

# What runs that were killed left.
remove_remains() {
  for folder in /run/ipvsc.[0-9]*; do
    [ ! -d "$folder" ] || [ -d "/proc/${folder##*.}" ] || rm -rf "$folder"
  done
  # Made by whoever holds the lock.
  for folder in "$state"/work.[0-9]*; do
    [ ! -d "$folder" ] || rm -rf "$folder"
  done
}

# Without flock: of the files STATE-DIR/lock.N, the highest counts. It names its holder, and is empty when it has been let go.
# A holder that was killed still holds it while a tool that it called runs; with flock, that tool has the lock itself. What exists cannot be linked again: of all who find N free, or its holder gone, one gets N + 1.
take_numbered_lock() {
  newest_lock
  holder='' place=''
  { read -r pid ticks known place < "$state/lock.$number"; } 2> /dev/null && holder="$pid $ticks $known"
  if [ -n "$place" ]; then
    ! is_running "$holder" && ! has_orphans "$place" || return 1
  fi
  name_process $$
  claim=$state/lock.by.$$
  mine=$state/lock.$((number + 1))
  printf '%s\n' "$process $work" > "$claim" && call ln ln "$claim" "$mine"
  linked=$?
  # Where it is not there, its holder may have let go of it meanwhile; or nothing can be linked here.
  if [ "$linked" -ne 0 ] && [ ! -e "$mine" ] && ! call ln ln "$claim" "$claim.link"; then
    rm -f "$claim"
    refuse "cannot lock $state ($(cat "$errors")): $state_advice"
  fi
  rm -f "$claim" "$claim.link"
  [ "$linked" -eq 0 ] || return 1
  newest_lock
  # Who was slow may have got a number that others have left behind.
  if [ "$number" -ne "${mine##*.}" ]; then
    rm -f "$mine"
    return 1
  fi
  locked=$mine
  for file in "$state"/lock.[0-9]*; do
    [ "$file" = "$mine" ] || rm -f "$file"
  done
}

# $number is that of the newest lock; 0 where there is none.
newest_lock() {
  number=0
  for file in "$state"/lock.[0-9]*; do
    # Without any, the pattern stands for itself.
    case $file in *']'*) continue ;; esac
    [ "${file##*.}" -le "$number" ] || number=${file##*.}
  done
  return 0
}

# name_process PID: $process is the one that has this number now, and no other: its number, when it began, and the start of the node.
name_process() {
  process=''
  { read -r line < "/proc/$1/stat"; } 2> /dev/null || return 1
  boot_id
  begun=${line##*) }
  # shellcheck disable=SC2086 # fields
  set -- "$1" $begun
  # Ended, but nobody has asked how.
  case $2 in Z | X) return 1 ;; esac
  process="$1 ${21} $boot"
}

# is_running PROCESS: as name_process names it.
is_running() { name_process "${1%% *}" && [ "$process" = "$1" ]; }

# has_orphans FOLDER: whether a tool still runs that was called by the run which had this folder for its files.
has_orphans() {
  for file in "$1"/calls/*; do
    { read -r started < "$file"; } 2> /dev/null && [ -n "$started" ] && name_process "${file##*/}" || continue
    begun=${process#* }
    # Hundredths of seconds since the node was started; a later one is another process of the same number.
    [ $((${begun%% *} / 100)) -gt $((started + 1)) ] || return 0
  done
  return 1
}
