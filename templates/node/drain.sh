# --- draining: real servers that retired ----------------------------------------------------------------------

# Removes what retired and is done; what is still busy stays until its deadline.
drain_retired() {
  if [ ! -s "$state/draining" ]; then
    report 'nothing is draining'
    finish 0
  fi
  [ -s "$last/after/scope" ] || refuse "$state does not say what was applied: apply a bundle first"
  read_scope "$last/after/scope" || refuse "$last/after/scope is damaged: apply the bundle again"
  use_flavour
  read_node "$work/have" && state_of "$work/have" || refuse_for_problem
  # What was applied is wanted as far as the node still holds it, so that nothing but retired servers changes.
  call cp cp "$work/have/rules" "$work/want/rules" || refuse_for_problem
  awk -v sets=" $BOUND_SETS " "$AWK_WITHOUT_RETIRED" part=applied "$last/after/state" part=draining "$state/draining" part=have "$work/have/state" > "$work/want/state"
  work_out "$mode" || refuse_for_problem
  left=$(count_lines "$work/draining")
  if nothing_to_do; then
    if [ "$dry_run" = no ]; then save_draining || refuse "cannot write to $state: $state_advice"; fi
    say note "$left real servers are still draining"
    report unchanged
    finish 0
  fi
  if [ "$dry_run" = yes ]; then
    print_payloads
    report 'dry run'
    finish 0
  fi
  reserve_room "$work"/have/* "$work"/want/* "$work"/want/* || refuse_for_problem
  trap 'problem="interrupted"; undo_drain' INT TERM HUP QUIT
  servers_to=$last/after/servers
  load && verify || undo_drain
  problem="cannot write to $state: $state_advice"
  { record_sums "$last/after" && save_draining; } 2> /dev/null || undo_drain
  trap - INT TERM HUP QUIT
  say note "$left real servers are still draining"
  report drained
  finish 0
}

# Draining went wrong: what the node held when it began comes back.
undo_drain() {
  trap '' INT TERM HUP QUIT
  end_loading
  say error "$problem"
  say note 'going back to the state before'
  release_room
  servers_to='' thresholds=yes
  true > "$work/counts"
  rm -rf "$work/want" && mv "$work/have" "$work/want" && read_node "$work/have" && state_of "$work/have" &&
    work_out exact && load && verify && {
    take_counts
    report restored
    finish 1
  }
  take_counts
  say error "$problem"
  say error 'the state before is not back; run this again'
  report failed
  finish 6
}
