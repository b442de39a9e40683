# --- rollback, confirm, expire, cleanup ------------------------------------------------------------------------

go_back() {
  if unfinished; then
    if restore; then
      report 'rolled back'
      finish 0
    fi
    say error 'the state before is not back; run this again'
    report failed
    finish 6
  fi
  if [ ! -s "$last/before/state" ] && is_installed; then
    read_kept
    [ -z "$kept_before" ] || apply_bundle_before
  fi
  [ -s "$last/before/state" ] || refuse "no run to go back from is recorded in $state: --state-dir names another place"
  (journal=$last && journal_is_whole) && read_scope "$last/scope" || refuse "the record in $last is damaged: apply the bundle of before instead"
  # How long Services that come back or go again may drain was said before.
  [ ! -s "$last/before/scope" ] || DRAIN_TIMEOUTS=$(read_scope "$last/before/scope" && printf '%s' "$DRAIN_TIMEOUTS")
  use_flavour
  # What was only kept until its connections end was not wanted then, either.
  retained=$last/before/retained
  [ -s "$retained" ] || retained=/dev/null
  call cp cp "$last/before/rules" "$work/want/" && comm -23 "$last/before/state" "$retained" > "$work/want/state" ||
    refuse "cannot read $last: apply the bundle of before instead"
  comes_back=none
  { read -r comes_back < "$last/before/comes-back"; } 2> /dev/null
  compare "$mode"
  refuse_for_obstacles
  if nothing_to_do; then
    report unchanged
    finish 0
  fi
  carry_out "before $(cat "$last/fingerprint")"
  name_what_comes_back
  report 'rolled back'
  finish 0
}

# apply_bundle_before: no run of this start of the node says what was before; the bundle that came back before does.
apply_bundle_before() {
  say note 'nothing was applied since the node was started: going back to the bundle before'
  bundle=$state/kept/$kept_before
  is_whole "$bundle" || refuse "the bundle before is damaged: $bundle"
  command=apply converge=yes left_out='' absent=''
  copy_bundle
  read_configuration "$copy/bundle.conf"
  preflight
  apply_bundle
}

confirm_run() {
  unfinished && [ -s "$journal/confirm" ] || refuse "no run waits to be confirmed in $state: it has been confirmed, or its time has passed"
  if [ "$dry_run" = yes ]; then
    report 'dry run'
    finish 0
  fi
  commit || refuse "cannot write to $state: $state_advice"
  settle_or_say "$journal"
  report confirmed
  finish 0
}

# The time to confirm has passed, if no other run waits by now.
expire_run() {
  unfinished && [ -s "$journal/confirm" ] || finish 0
  # A time that is damaged has passed.
  read_number "$journal/confirm"
  until=$number
  uptime_seconds
  [ "$now" -ge "$until" ] || finish 0
  restore || finish 6
  finish 0
}

# The empty state is wanted, but for virtual servers that no bundle of ours put there.
clean_up() {
  check_files
  [ ! -s "$last/after/scope" ] || INCLUDE="$INCLUDE $(read_scope "$last/after/scope" && printf '%s' "$INCLUDE")"
  read_node "$work/have" && state_of "$work/have" && state_of_bundle "$work/known" || refuse_for_problem
  true > "$work/known/before"
  [ -e "$last/after/state" ] && cat "$last/after/state" >> "$work/known/before"
  [ -e "$state/draining" ] && awk '{ print "virtual " $1 " " $2 }' "$state/draining" >> "$work/known/before"
  true > "$work/want/rules"
  {
    awk '
      part == "known" { if ($1 == "virtual") known[$2 " " $3] = 1; next }
      ($1 == "virtual" || $1 == "real") && !(($2 " " $3) in known)
    ' part=known "$work/known/state" "$work/known/before" part=have "$work/have/state" && settings_to_leave
  } > "$work/want/unsorted" && sort "$work/want/unsorted" > "$work/want/state" || refuse_for_problem
  work_out exact || refuse_for_problem
  refuse_for_obstacles
  foreign=$(awk '$1 == "virtual" { n++ } END { print n + 0 }' "$work/want/state")
  [ "$foreign" -eq 0 ] || say note "$foreign virtual servers are not ipvsc's and stay"
  if nothing_to_do; then
    if [ "$dry_run" = no ]; then
      forget_kept
      rm -rf "$state/run.a" "$state/run.b" "$state/draining" "$state/found"
    fi
    report unchanged
    finish 0
  fi
  [ ! -s "$work/left" ] || say note "these settings stay as they are, since others may rely on them, or nothing says what they were before the first run: $(awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }' "$work/left")"
  true > "$work/draining"
  comes_back=none
  carry_out cleanup
  name_what_comes_back
  [ -n "$confirm" ] || rm -rf "$journal/after" "$state/draining" "$state/found"
  report 'cleaned up'
  finish 0
}
