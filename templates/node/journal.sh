# --- the journal ----------------------------------------------------------------------------------------------
#
#   STATE-DIR/lock      one run at a time
#   STATE-DIR/run.a/    by turns, the last run that ended well and the one that has not ended ("journal"):
#   STATE-DIR/run.b/      before/   the state that it found (state, rules, draining, retained, scope): restore and rollback go back to it
#                         after/    what it left: state, rules, retained, scope, fingerprint, sums of what tools said,
#                                   the list of /proc (servers), and how many lines it has to have
#                         scope, fingerprint
#                         begun     before/ is whole: until the run is done, what counts is the way back
#                         confirm   until when somebody may confirm it, in seconds since boot
#                         done      its number: after/ is whole, and counts
#                       A file that is empty counts as one that is not there.
#   STATE-DIR/work.PID/ files of a run whose way back had no room in /run
#   STATE-DIR/draining  retired real servers with their deadlines, in seconds since boot
#   STATE-DIR/boot      which start of the node all this belongs to
#
# Nothing here has to survive a loss of power: the kernel then holds nothing, either.

save_scope() {
  printf "FAMILIES='%s'\nSETS='%s'\nCHAINS='%s'\nSYSCTLS='%s'\nTIMEOUTS='%s'\nEXCLUDE='%s'\nINCLUDE='%s'\nDRAIN_TIMEOUTS='%s'\nskipped='%s'\nflavour='%s'\n" \
    "$FAMILIES" "$SETS" "$CHAINS" "$SYSCTLS" "$TIMEOUTS" "$EXCLUDE" "$INCLUDE" "$DRAIN_TIMEOUTS" "$skipped" "$flavour" > "$1"
}

# Sets $last, the run that ended well, and $journal, the one that has not, or has not begun.
find_runs() {
  last=$state/none
  runs=0
  journal=$state/run.a
  for run in "$state/run.a" "$state/run.b"; do
    read_number "$run/done"
    [ "$number" -gt "$runs" ] || continue
    last=$run
    runs=$number
  done
  [ "$last" != "$journal" ] || journal=$state/run.b
}

# Whether the journal is that of a run which began and did not end.
unfinished() { [ -s "$journal/begun" ] && [ ! -s "$journal/done" ]; }

# prepare_journal BEFORE: BEFORE holds the state that the node is in (state, rules).
prepare_journal() {
  [ -d "$journal/after" ] || mkdir -p "$journal/before" "$journal/after" || return 1
  # What is left of the run before the last; above all, it has not begun.
  for file in "$journal/begun" "$journal"/* "$journal"/before/* "$journal"/after/*; do
    [ ! -f "$file" ] || true > "$file" || return 1
  done
  set -- "$1/state" "$1/rules"
  for file in "$state/draining" "$last/after/retained" "$last/after/scope"; do
    [ ! -s "$file" ] || set -- "$@" "$file"
  done
  call cp cp "$@" "$journal/before/" || return 1
  save_scope "$journal/scope" || return 1
  printf '%s\n' "$FINGERPRINT" > "$journal/fingerprint" || return 1
  # What goes back by itself has to be there when the bundle is not.
  if [ -n "$confirm" ]; then call cp cp "$0" "$journal/apply.sh" && call cp cp "$copy/bundle.conf" "$copy/SHA256SUMS" "$journal/" || return 1; fi
  sum_journal > "$journal/sums"
}

# Checksums of what the way back is made of.
sum_journal() { (cd "$journal" && sha256sum scope before/state before/rules); }

# From here on, a run that does not end leads back to the state before.
begin_journal() { echo yes > "$journal/begun" && touched=yes; }

# journal_is_whole: whether what the way back needs is as it was written. $damage says what is not.
journal_is_whole() {
  damage=''
  if [ -s "$journal/sums" ]; then
    damage=$(cd "$journal" && sha256sum -c sums 2> /dev/null | awk '!/: OK$/ { sub(/: .*/, ""); print; exit }')
    [ "$(count_lines "$journal/sums")" -eq 3 ] || damage=sums
  elif [ ! -e "$journal/before/state" ] || [ ! -e "$journal/before/rules" ]; then
    damage='before/state'
  fi
  [ -n "$damage" ] || (read_scope "$journal/scope") || damage=scope
  [ -z "$damage" ]
}

# give_up_journal: --discard-journal. What the run that did not end has changed stays.
give_up_journal() {
  given_up=''
  { read -r given_up < "$journal/fingerprint"; } 2> /dev/null
  plain_text "${given_up:-unknown}"
  say warning "the journal of a run that did not end (bundle $plain) is given up: the state before it cannot come back, and what it has changed stays until something is applied"
  true > "$journal/begun" || refuse "cannot write to $state: $state_advice"
  rm -f "$journal/confirm"
}

# refuse_damage WHAT
refuse_damage() {
  refuse "$1 is damaged, and the state before the run that did not end cannot be had: --discard-journal gives it up, and leaves the node as it is now"
}

# write_file PATH < TEXT: all or nothing.
write_file() { limited cat > "$1.new" && call mv mv "$1.new" "$1"; }

# Keeps what is draining, and forgets the file when that is nothing.
save_draining() {
  if [ -s "$work/draining" ]; then
    write_file "$state/draining" < "$work/draining"
  elif [ -e "$state/draining" ]; then
    rm -f "$state/draining"
  fi
}

# record_wanted: what was wanted, for the record in journal/after.
record_wanted() { call cp cp "$work/want/state" "$wanted_rules" "$journal/after/"; }

# record LABEL: what the node holds now, in $seen. Parts of the node that a step did not read are as they were.
record() {
  after=$journal/after
  if [ -s "$work/retained" ]; then sort "$work/retained" > "$after/retained" || return 1; fi
  printf '%s\n' "$1" > "$after/fingerprint" || return 1
  save_scope "$after/scope" || return 1
  if [ "$stepping" = yes ]; then
    read -r growth < "$work/growth" && echo $((lines + growth)) > "$after/lines" || return 1
  fi
  record_sums "$after" && has_room "$journal"
}

# record_sums DIR: checksums of what was read into $seen; parts that a step did not read say what they said. DIR/servers holds
# the list of /proc; where that is not as long as it has to be, the next run finds out.
record_sums() {
  target=$1
  set --
  for part in ipvs timeouts sysctls ipset bound $FAMILIES; do
    [ ! -e "$seen/$part" ] || set -- "$@" "$part"
  done
  true > "$work/sums" || return 1
  if [ "$stepping" = no ]; then
    read -r servers < "$seen/rules.servers" && echo $((servers + PROC_HEADING)) > "$target/lines" || return 1
  fi
  [ $# -eq 0 ] || (cd "$seen" && sha256sum "$@") > "$work/sums" || return 1
  listed=''
  while read -r sum part; do listed="$listed $sum $part"; done < "$work/sums"
  if [ "$stepping" = yes ]; then
    read_sums || return 1
    for part in timeouts sysctls ipset bound $FAMILIES; do
      case "$listed " in
        *" $part "*) ;;
        *) sum_of "$part" && listed="$listed $sum $part" || return 1 ;;
      esac
    done
  fi
  # What is cut off does not count when it is read again.
  printf "SUMS='%s'\n" "$listed" > "$target/sums" && return 0
  true > "$target/sums"
  return 1
}

# Sets $SUMS as the last run recorded it: the checksum of each part, and its name.
read_sums() {
  SUMS=''
  { read -r SUMS < "$last/after/sums"; } 2> /dev/null
  case $SUMS in
    *[!A-Za-z0-9=\'\ ]*) return 1 ;;
    SUMS=\'*\') SUMS=${SUMS#"SUMS='"} SUMS=${SUMS%?} ;;
    *) return 1 ;;
  esac
}

# sum_of PART: $sum, of $SUMS.
sum_of() {
  case "$SUMS " in *" $1 "*) ;; *) return 1 ;; esac
  sum=${SUMS%%" $1"*}
  sum=${sum##* }
}

# says_as_recorded PART...: whether tools, just read into $work/have, say of these what they said after the last run.
says_as_recorded() { recorded_sums "$@" > "$work/sums" && sums_match; }

# recorded_sums PART...: what the checksums of these have to be.
recorded_sums() {
  read_sums || return 1
  for part in "$@"; do
    sum_of "$part" || return 1
    printf '%s  %s\n' "$sum" "$work/have/$part"
  done
}

sums_match() { sha256sum -c "$work/sums" > /dev/null 2>&1; }

# The run has ended well. One mark decides it.
commit() { echo $((runs + 1)) > "$journal/done"; }

# Nothing that was read or worked out counts any more, nor takes room.
empty_work() {
  rm -rf "$work/have" "$work/want" "$work/now" "$work/added" "$work/removed"
  mkdir "$work/have" "$work/want" "$work/now"
}

# use_work FOLDER: where what is read and worked out lies.
use_work() {
  work=$1
  errors=$work/errors
  seen=$work/now
}

# Others may have taken the room that /run had: there may be some in the state directory.
move_work() {
  folder=$(CDPATH='' cd -- "$state" && pwd)/work.$$
  mkdir "$folder" "$folder/calls" "$folder/have" "$folder/want" "$folder/now" 2> /dev/null || return 1
  kill "$watcher" 2> /dev/null
  use_work "$folder"
  watch_calls
}

# Leads back to the state before. 0: it is back.
restore() {
  trap '' INT TERM HUP QUIT
  # Half way back, there is nothing left to confirm.
  [ ! -s "$journal/confirm" ] || true > "$journal/confirm" || return 1
  say note 'going back to the state before'
  release_room
  problem="cannot write to $work: is there room?"
  true > "$work/counts" || return 1
  (
    read_scope "$journal/scope" || {
      say error "$journal/scope is damaged"
      exit 1
    }
    use_flavour
    stepping=no servers_to='' thresholds=yes
    empty_work && call cp cp "$journal/before/state" "$journal/before/rules" "$work/want/" &&
      read_node "$work/have" && state_of "$work/have" && work_out exact && load && verify || {
      say error "$problem"
      exit 1
    }
  )
  back=$?
  take_counts
  # Whatever follows reads for itself.
  empty_work
  [ "$back" -eq 0 ] || return 1
  if [ -s "$journal/before/draining" ]; then
    write_file "$state/draining" < "$journal/before/draining" || return 1
  else
    rm -f "$state/draining"
  fi
  true > "$journal/begun"
}

# What was laid out last was a way back.
take_counts() {
  { read -r undone < "$work/counts"; } 2> /dev/null || undone=''
  rm -f "$work/counts"
}

# Files of a start of the node before this one: nothing else survives a restart.
forget_other_boots() {
  boot_id
  known=''
  { read -r known < "$state/boot"; } 2> /dev/null
  [ "$known" != "$boot" ] || return 0
  case $known in
    '' | ????????-????-????-????-????????????) ;;
    # It would not do to forget a run that has not ended.
    *) ! unfinished || [ "$discard_journal" = yes ] || refuse_damage "$state/boot" ;;
  esac
  if [ "$dry_run" = yes ]; then
    last=$state/none
    journal=$last
    return 0
  fi
  rm -rf "$state/draining" "$state/found" "$state/run.a" "$state/run.b"
  find_runs
  printf '%s\n' "$boot" | write_file "$state/boot" || refuse "cannot write to $state: $state_advice"
}

# A run before this one did not end: its way back comes first.
recover() {
  forget_other_boots
  unfinished || return 0
  [ "$dry_run" = no ] || refuse 'a run before this one did not end: its way back comes before anything that this could show'
  if [ "$discard_journal" = yes ]; then
    give_up_journal
    return 0
  fi
  journal_is_whole || refuse_damage "$journal/$damage"
  # Its own way back is what a rollback is asked for.
  [ "$command" != rollback ] || return 0
  if [ -s "$journal/confirm" ]; then
    read_number "$journal/confirm"
    until=$number
    uptime_seconds
    [ "$command" = expire ] || [ "$now" -ge "$until" ] ||
      refuse "a run waits to be confirmed for $((until - now)) s more: run \"apply.sh confirm\" or \"apply.sh rollback\""
  fi
  say warning 'a run before this one did not end'
  restore && return 0
  say error 'the state before is not back; run this again'
  report failed
  finish 6
}

# What still loads has to end before anything leads back.
end_loading() {
  said=$problem
  [ -z "$child" ] || wait "$child" 2> /dev/null || :
  running="$running $others"
  join || :
  problem=$said
}

# A second try, for which there is room at least.
restore_elsewhere() {
  first=$undone
  move_work || return 1
  say note "once more, with files in $state"
  restore && back=0 || back=1
  # What the first one had led back, the second one finds in its place.
  [ -n "$undone" ] || undone=$first
  return "$back"
}

# fail: the way back of a run that went wrong.
fail() {
  trap '' INT TERM HUP QUIT
  end_loading
  say error "$problem"
  if restore || restore_elsewhere; then
    report restored
    finish 1
  fi
  say error 'the state before is not back; run this again'
  report failed
  finish 6
}
