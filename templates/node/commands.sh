# --- commands -------------------------------------------------------------------------------------------------

# What the node holds, what is wanted, and the way there.
compare() {
  read_node "$work/have" && state_of "$work/have" && work_out "$1" && return 0
  refuse_for_problem
}

# Nothing to load: only counters differ at most.
nothing_to_do() { [ ! -s "$work/counts" ]; }

# The same bundle, and every tool says what it said when it had been applied.
holds_already() {
  # shellcheck disable=SC2086 # a list of names
  was_applied "$FINGERPRINT" && [ ! -s "$work/have/thresholds" ] && [ ! -s "$work/have/other-kind" ] &&
    says_as_recorded ipvs timeouts sysctls ipset bound $FAMILIES && find_taken "$last/after/state" && [ ! -s "$work/taken" ]
}

# was_applied FINGERPRINT: whether the last run applied this plan, and nothing of it is left to do.
was_applied() {
  [ "$remove_leftovers" = no ] && [ ! -s "$state/draining" ] || return 1
  { read -r known < "$last/after/fingerprint"; } 2> /dev/null && [ "$known" = "$1$skipped" ]
}

# The payloads of a dry run.
print_payloads() {
  for name in $PAYLOADS; do
    [ -s "$work/$name" ] || continue
    [ "$json" = yes ] && { printf '{"event":"payload","name":"%s","text":%s}\n' "$name" "$(json_string "$(cat "$work/$name")")"; continue; }
    printf '# %s\n' "$name"
    cat "$work/$name"
  done
}

# carry_out LABEL: loads what was laid out, all of it or nothing.
carry_out() {
  if [ "$dry_run" = yes ]; then
    print_payloads
    report 'dry run'
    finish 0
  fi
  [ "$command" != apply ] || [ "$stepping" = yes ] || remember_settings || refuse "cannot write to $state: $state_advice"
  [ "$stepping" = yes ] || reserve_room "$work"/have/* "$work"/want/* "$work"/want/* || refuse_for_problem
  { { [ "$stepping" = yes ] || prepare_journal "$work/have"; } && begin_journal; } 2> "$errors" ||
    refuse "cannot write the journal to $state: $state_advice ($(awk 'NR <= 2' "$errors"))"
  # Signals lead back, too; those that cannot be caught are seen by the next run.
  trap 'problem="interrupted"; fail' INT TERM HUP QUIT
  problem="cannot write to $state"
  load || fail
  [ "$stepping" = yes ] || in_background wanted record_wanted
  servers_to=$journal/after/servers
  verify && join || fail
  problem="cannot write to $state"
  { save_draining && record "$1"; } 2> /dev/null || fail
  if [ -n "$confirm" ]; then
    uptime_seconds
    echo $((now + confirm)) > "$journal/confirm" && watch_confirmation || fail
    trap - INT TERM HUP QUIT
    say note "run \"apply.sh confirm\" within $confirm s, or the state before comes back"
  else
    commit || fail
    trap - INT TERM HUP QUIT
  fi
}

# Goes back by itself, also when the connection that started it is gone. 1: it has not begun to watch.
watch_confirmation() {
  problem='nobody would go back after the time to confirm: the shell that watches did not start'
  true > "$journal/watched" || return 1
  # shellcheck disable=SC2016 # expanded by that shell
  set -- sh -c 'echo yes > "$1"; sleep "$2"; shift 2; exec "$@"' sh "$journal/watched" "$confirm" \
    sh "$journal/apply.sh" expire --state-dir "$state" --wait 600 --iptables "$flavour" --limit "$limit"
  if has setsid; then
    setsid "$@" < /dev/null > "$state/expire.log" 2>&1 9>&- &
  else
    (trap '' HUP && exec "$@") < /dev/null > "$state/expire.log" 2>&1 9>&- &
  fi
  for try in 1 2 3 4 5; do
    [ ! -s "$journal/watched" ] || return 0
    sleep 1
  done
  return 1
}

preflight() {
  check_tools ipvsadm ipset iptables ip sysctl modprobe
  leave_out_families
  take_over_families
  # What goes on from a run goes on in its flavour.
  case $command in
    confirm | expire | rollback | drain) known_flavour ;;
  esac
  choose_flavour
}

# The flavour of the run that has not ended, or of the last one, since the node was started.
known_flavour() {
  [ -z "$flavour" ] || return 0
  boot_id
  { read -r known < "$state/boot"; } 2> /dev/null && [ "$known" = "$boot" ] || return 0
  find_runs
  scope=$last/after/scope
  ! unfinished || scope=$journal/scope
  flavour=$(read_scope "$scope" && printf '%s' "$flavour")
}

preflight_bundle() {
  check_versions
  check_kernel
  check_modules
  check_other_proxy
  check_prerequisites
}

apply_bundle() {
  check_machine || refuse "$stranger; --other-node applies it all the same"
  [ -z "$ASSUMED" ] || say warning "this bundle holds what nobody stated, and the cluster may have chosen otherwise: $ASSUMED"
  find_skipped
  known=no
  [ -n "$STEP" ] && was_applied "$FROM_PLAN" && known=yes
  [ "$known" = yes ] || check_files
  preflight_bundle
  if [ "$dry_run" = no ]; then
    if [ -n "$absent" ]; then
      check_files
      # All that could be a reason to refuse, before anything is loaded.
      read_node "$work/have" && state_of "$work/have" && want_bundle || refuse_for_problem
      check_addresses
      rm -rf "$work/have" "$work/want"
      load_modules
      check_ipvsadm
    fi
    check_settings
  fi
  if [ "$known" = yes ]; then
    if prepare_step; then
      say step 'the node holds what the last run left, from which this delta starts'
      stepping=yes
      say_otherwise
      carry_out "$FINGERPRINT$skipped"
      report_applied
    fi
    check_files
  fi
  was_applied "$FINGERPRINT" || in_background want state_of_bundle "$work/want"
  read_node "$work/have" || refuse_for_problem
  if [ -z "$FROM" ] && holds_already; then
    say note 'the node holds this bundle; nothing to change'
    report unchanged
    finish 0
  fi
  find_leftovers
  state_of "$work/have" && want_bundle || refuse_for_problem
  check_addresses
  work_out "$mode" && take_reviewed || refuse_for_problem
  refuse_for_obstacles
  find_narrowed || refuse_for_problem
  [ ! -s "$work/narrowed" ] || say_standing "$(cat "$work/narrowed")"
  name_strangers
  if nothing_to_do; then
    if [ "$dry_run" = no ]; then
      record_anew || refuse "cannot write to $state: $state_advice"
      keep_standing
    fi
    say note 'the node holds this bundle; nothing to change'
    report unchanged
    finish 0
  fi
  say_otherwise
  carry_out "$FINGERPRINT$skipped"
  report_applied
}

# The node held what is wanted already: it is recorded as if a run had brought it there, but there is nothing to go back to.
record_anew() {
  seen=$work/have
  into=$seen
  prepare_journal "$seen" && record_wanted && count_servers "$journal/after/servers" && record "$FINGERPRINT$skipped" && save_draining || return 1
  for file in state rules draining; do true > "$journal/before/$file" || return 1; done
  if [ -s "$last/before/state" ]; then
    call cp cp -r "$last/before" "$last/scope" "$last/fingerprint" "$journal/" || return 1
  fi
  sum_journal > "$journal/sums" || return 1
  commit
}

report_applied() {
  [ "$stepping" = yes ] || keep_standing
  retiring=$(count_lines "$work/draining")
  [ "$retiring" -eq 0 ] || say note "$retiring real servers ($(awk '
    NR <= 5 { printf "%s%s of %s %s", (NR > 1 ? ", " : ""), $3, $1, $2 }
    NR == 6 { printf ", ..." }' "$work/draining")) keep their connections at weight 0; \"apply.sh drain\" removes them"
  report applied
  finish 0
}

# count_lines FILE: 0 where there is none.
count_lines() {
  if [ -s "$1" ]; then awk 'END { print NR }' "$1"; else echo 0; fi
}

# What families that are left out would hold comes in between.
in_order() { if [ -n "$left_out" ]; then sort; else limited cat; fi; }

# The wanted state, and for a delta bundle the proof that it starts where the node is.
want_bundle() {
  [ -e "$work/want/state" ] || state_of_bundle "$work/want" || return 1
  [ -n "$FROM" ] || return 0
  # What the last run retained is not what it wanted.
  retained=$last/after/retained
  [ -e "$retained" ] || retained=/dev/null
  found=$({ comm -23 "$work/have/state" "$retained" && state_of_left_out; } | in_order | awk '
    $1 == "address" { sub(/\/.*/, "") }
    $1 != "sysctl" && $1 != "timeout" && $1 != "link"' | sha256sum)
  if [ "${found%% *}" = "$FROM" ]; then
    # What was reviewed speaks of all families.
    [ -n "$left_out" ] || reviewed=yes
    return 0
  fi
  [ "$(comm -3 "$work/have/state" "$work/want/state")" = '' ] && return 0
  [ "$converge" = yes ] && say note 'the node is not in the state that this delta was made for: comparing everything' && return 0
  refuse 'the node is not in the state that this delta was made for: apply the full bundle, or give --converge'
}

# Virtual servers that nobody wants go, whoever made them: those of others are named, at most five of them.
name_strangers() {
  [ -s "$work/removed" ] || return 0
  set -- part=added "$work/added"
  for file in "$last/after/state" "$last/after/retained"; do
    [ ! -e "$file" ] || set -- "$@" part=known "$file"
  done
  strangers=$(awk '
    $1 != "virtual" { next }
    part == "removed" && !(($2 " " $3) in known) { if (++n <= 5) names = names (n > 1 ? ", " : "") $2 " " $3 }
    part != "removed" { known[$2 " " $3] = 1 }
    END { if (n > 0) print n ": " names (n > 5 ? ", ..." : "") }' "$@" part=removed "$work/removed")
  [ -z "$strangers" ] ||
    say note "virtual servers that no run put here are removed ($strangers); ipvs.excludeCIDRs would keep them"
}

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
  compare "$mode"
  refuse_for_obstacles
  if nothing_to_do; then
    report unchanged
    finish 0
  fi
  carry_out "before $(cat "$last/fingerprint")"
  report 'rolled back'
  finish 0
}

confirm_run() {
  unfinished && [ -s "$journal/confirm" ] || refuse "no run waits to be confirmed in $state: it has been confirmed, or its time has passed"
  if [ "$dry_run" = yes ]; then
    report 'dry run'
    finish 0
  fi
  commit || refuse "cannot write to $state: $state_advice"
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
    [ "$dry_run" = yes ] || rm -rf "$state/run.a" "$state/run.b" "$state/draining" "$state/found"
    report unchanged
    finish 0
  fi
  [ ! -s "$work/left" ] || say note "these settings stay as they are, since others may rely on them, or nothing says what they were before the first run: $(awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }' "$work/left")"
  true > "$work/draining"
  carry_out cleanup
  [ -n "$confirm" ] || rm -rf "$journal/after" "$state/draining" "$state/found"
  report 'cleaned up'
  finish 0
}
