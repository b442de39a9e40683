# --- the journal ----------------------------------------------------------------------------------------------
#
#   STATE-DIR/lock      one run at a time
#   STATE-DIR/run.a/    by turns, the last run that ended well and the one that has not ended ("journal"):
#   STATE-DIR/run.b/      before/   the state that it found (state, rules, draining, retained, scope): restore and rollback go back to it
#                                   and comes-back: the bundle that came back then
#                         after/    what it left: comes-back, accepted (kept.sh, signed.sh), state, rules, retained, scope, fingerprint, sums of what tools said,
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
# Nothing of these has to survive a loss of power: the kernel then holds nothing, either.

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
  read_kept
  printf '%s\n' "${kept_current:-none}" > "$journal/before/comes-back" && save_scope "$journal/scope" || return 1
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

# The run has ended well. One mark decides it.
commit() { echo $((runs + 1)) > "$journal/done"; }

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
  settle "$last" || :
  rm -rf "$state/draining" "$state/found" "$state/run.a" "$state/run.b"
  find_runs
  printf '%s\n' "$boot" | write_file "$state/boot" || refuse "cannot write to $state: $state_advice"
}
