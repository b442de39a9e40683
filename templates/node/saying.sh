# --- saying ---------------------------------------------------------------------------------------------------

# quote_json TEXT: $quoted is it as a string of JSON, without a process for each.
quote_json() {
  case $1 in
    *[\\\"]* | *[[:cntrl:]]*)
      quoted=$(printf '%s\n' "$1" | awk "$AWK_JSON$AWK_JSON_TEXT")
      ;;
    *) quoted="\"$1\"" ;;
  esac
}

json_string() {
  quote_json "$1"
  printf '%s' "$quoted"
}

# say LEVEL TEXT: LEVEL is step, note, warning or error.
say() {
  if [ "$json" = yes ]; then
    [ "$1" = step ] && [ "$verbose" = no ] && return 0
    quote_json "$2"
    printf '{"event":"%s","text":%s}\n' "$1" "$quoted"
    return 0
  fi
  plain_text "$2"
  case $1 in
    step) [ "$verbose" = yes ] && printf '%s\n' "  $plain" >&2 ;;
    note) [ "$quiet" = no ] && printf '%s\n' "$plain" >&2 ;;
    *) printf '%s: %s\n' "$1" "$plain" >&2 ;;
  esac
  return 0
}

# plain_text TEXT: $plain is it without what a terminal would take for a command.
plain_text() {
  plain=$1
  case $1 in
    *[!\ -~]*) plain=$(printf '%s\n' "$1" | tr -c '\n\t -~' '?') ;;
  esac
}

# refuse TEXT: nothing was touched.
refuse() {
  say error "$1"
  report refused
  finish 4
}

refuse_for_problem() { refuse "$problem; run this again when that is mended"; }

# has_room FOLDER: whether it takes what is written to it. Tools of busybox end well all the same when it is full.
has_room() { { printf 'room\n' > "$1/room"; } 2> /dev/null && [ -s "$1/room" ] && true > "$1/room"; }

# The only way out. All went well, but with the bundle before: that is a finding.
finish() {
  ended=yes
  [ "$1" -ne 0 ] || [ "$damaged" = no ] || exit 3
  exit "$1"
}

# What the shell ends with of its own accord, such as 2 for a redirection that fails, says nothing of the node. $touched: what
# is loaded may not be whole.
on_exit() {
  status=$?
  kill "$watcher" 2> /dev/null
  [ -z "$first_work" ] || rm -rf "$first_work" "$work"
  [ -z "$unpacked" ] || rm -rf "$unpacked"
  [ "$ended" = no ] || return 0
  if [ "$touched" = yes ]; then
    say error "the shell gave up ($status), and the state before is not back: run this again"
    exit 6
  fi
  say error "the shell gave up ($status); nothing was touched"
  exit 4
}

# The last word: RESULT with what was done, and what a way back undid; by kind, as JSON members, or words.
report() {
  changes=''
  [ "$1" != refused ] && [ -s "$work/counts" ] && read -r changes < "$work/counts"
  if [ "$json" = yes ]; then
    quote_json "$NODE"
    dry=false
    [ "$dry_run" = no ] || dry=true
    printf '{"event":"report","command":"%s","result":"%s","node":%s,"fingerprint":"%s","dryRun":%s,"changes":{%s},"undone":{%s}}\n' \
      "$command" "$1" "$quoted" "$FINGERPRINT" "$dry" "$changes" "$undone"
  fi
  log_run "$1"
  [ "$json" = no ] || return 0
  [ "$quiet" = yes ] && return 0
  [ -z "$undone" ] || changes="${changes:+$changes; }on the way back $undone"
  printf '%s: %s: %s\n' "$command" "$1" "${changes:-nothing}"
}
