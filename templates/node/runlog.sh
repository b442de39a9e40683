# --- what was run, and what was said already --------------------------------------------------------------------

# log_run RESULT: who did what, and when, in STATE-DIR/log and where the node keeps its log. What changes nothing by its nature,
# and a timer that found nothing to do, is not worth a line.
log_run() {
  [ "$dry_run" = no ] && [ -n "$locked_state" ] || return 0
  case $command/$1 in
    check/* | status/* | facts/* | expire/* | drain/unchanged | drain/nothing*) return 0 ;;
  esac
  who_runs
  line="$(date '+%Y-%m-%dT%H:%M:%S%z' 2> /dev/null) $who: $command: $1, node ${NODE:-?}, bundle $(printf '%.12s' "${FINGERPRINT:-?}")${changes:+, $changes}"
  { printf '%s\n' "$line" >> "$state/log" && trim_log; } 2> /dev/null
  # Without a log of the node, it would wait for one.
  if [ -S /dev/log ] && has logger; then
    call logger logger -t ipvsc -p daemon.notice -- "${line#* }" > /dev/null || :
  fi
}

# $who: the user who logged in, where that is known.
who_runs() {
  who=${SUDO_USER-}
  if [ -z "$who" ]; then
    uid=''
    { read -r uid < /proc/self/loginuid; } 2> /dev/null
    case $uid in '' | 4294967295) uid=0 ;; esac
    who="user $uid"
  fi
  case $who in *[!A-Za-z0-9_.@\ -]*) who='somebody' ;; esac
}

# The last thousand lines, when there are many more.
LOG_LINES=1000
trim_log() {
  [ "$(count_lines "$state/log")" -gt $((2 * LOG_LINES)) ] || return 0
  tail -n "$LOG_LINES" "$state/log" > "$state/log.new" && call mv mv "$state/log.new" "$state/log"
}

# say_standing TEXT: a warning that stays true until somebody mends the node. It is said once, and again when it had gone; check
# and status always say it.
say_standing() {
  case $command in
    check | status)
      say warning "$1"
      return 0
      ;;
  esac
  { printf '%s\n' "$1" >> "$work/standing"; } 2> /dev/null
  if [ -f "$state/standing" ] && says_line "$1" "$state/standing"; then say step "$1"; else say warning "$1"; fi
}

# say_standing_note TEXT: the same of what is no reason to worry.
say_standing_note() {
  { printf '%s\n' "$1" >> "$work/standing"; } 2> /dev/null
  if [ -f "$state/standing" ] && says_line "$1" "$state/standing"; then say step "$1"; else say note "$1"; fi
}

# says_line TEXT FILE
says_line() {
  while IFS= read -r line; do
    [ "$line" != "$1" ] || return 0
  done < "$2"
  return 1
}

# keep_standing: what was said in this run, so that the next one need not say it again.
keep_standing() {
  if [ -s "$work/standing" ]; then
    { limited cat "$work/standing" > "$state/standing.new" && call mv mv "$state/standing.new" "$state/standing"; } 2> /dev/null || :
  elif [ -e "$state/standing" ]; then
    rm -f "$state/standing"
  fi
}

# --- what settings were before the first run --------------------------------------------------------------------

# remember_settings: those that the node had before any run changed them, in STATE-DIR/found, as lines of state.
remember_settings() {
  true > "$work/found"
  [ ! -s "$state/found" ] || call cp cp "$state/found" "$work/found" || return 1
  awk '
    part == "found" { known[$1 " " $2] = 1; print; next }
    ($1 == "sysctl" || $1 == "timeout") && !(($1 " " $2) in known)' part=found "$work/found" part=have "$work/have/state" > "$work/found.new" ||
    return 1
  [ -s "$work/found.new" ] || return 0
  write_file "$state/found" < "$work/found.new"
}

# settings_to_leave: the lines of state that cleanup wants of settings: those of before the first run, where a setting still is as
# the last run left it; all others as they are. Forwarding stays on: what else routes on the node may rely on it by now.
settings_to_leave() {
  true > "$work/left"
  set -- part=have "$work/have/state"
  [ ! -s "$last/after/state" ] || set -- part=applied "$last/after/state" "$@"
  [ ! -s "$state/found" ] || set -- part=found "$state/found" "$@"
  awk -v left="$work/left" '
    function is_shared(name) { return name ~ /(ip_forward|forwarding)$|^net\.bridge\./ }
    $1 != "sysctl" && $1 != "timeout" { next }
    part == "found" { before[$1 " " $2] = $0; next }
    part == "applied" { applied[$0] = 1; next }
    {
      key = $1 " " $2
      if ((key in before) && ($0 in applied) && !is_shared($2)) { print before[key]; next }
      print
      if (!(key in before) || (is_shared($2) && before[key] != $0)) print $2 > left
    }' "$@"
}
