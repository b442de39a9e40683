# --- check and status ------------------------------------------------------------------------------------------

show_differences() {
  [ "$verbose" = yes ] || return 0
  if [ "$json" = yes ]; then
    differences | awk "$AWK_JSON$AWK_JSON_DIFFERENCE"
  else
    differences | tr -c '\n\t -~' '?'
  fi
}

differences() { awk "$AWK_DIFFERENCES" part=removed "$work/removed" part=added "$work/added"; }

# Nothing is changed, and nothing is loaded that could be left behind.
compare_with_bundle() {
  check_files
  find_skipped
  preflight_bundle
  read_node "$work/have" || refuse_for_problem
  find_leftovers
  state_of "$work/have" && state_of_bundle "$work/want" && work_out "$mode" || refuse_for_problem
  name_strangers
  find_obstacles && find_taken "$work/want/state" && find_narrowed || refuse_for_problem
  check_machine || echo "$stranger" >> "$obstacles"
  cat "$work/taken" >> "$obstacles"
}

check_bundle() {
  compare_with_bundle
  report_differences
}

report_differences() {
  [ ! -s "$work/narrowed" ] || say warning "$(cat "$work/narrowed")"
  [ ! -s "$obstacles" ] || say warning "apply would refuse: $(first_lines "$obstacles")"
  if nothing_to_do && [ ! -s "$obstacles" ] && [ ! -s "$work/narrowed" ]; then
    report 'no difference'
    finish 0
  fi
  show_differences
  report 'would change'
  finish 3
}

show_status() {
  compare_with_bundle
  { read -r applied rest < "$last/after/fingerprint"; } 2> /dev/null || applied=none
  [ "$applied" != before ] || applied="what was there before $rest"
  draining_now=$(count_lines "$state/draining")
  pending=false
  ! unfinished || pending=true
  held=$(awk -v json="$json" "$AWK_COUNTS_HELD" "$work/have/state")
  if [ "$json" = yes ]; then
    printf '{"event":"status","applied":"%s","held":{%s},"draining":%d,"unfinished":%s}\n' \
      "$applied" "$held" "$draining_now" "$pending"
  else
    say note "last applied: $applied; this bundle: $FINGERPRINT"
    say note "the node holds $held"
    say note "draining real servers: $draining_now; unfinished run: $pending"
  fi
  report_differences
}
