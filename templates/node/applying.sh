# --- apply -----------------------------------------------------------------------------------------------------

apply_bundle() {
  check_machine || refuse "$stranger; --other-node applies it all the same"
  [ -z "$ASSUMED" ] || say warning "this bundle holds what nobody stated, and the cluster may have chosen otherwise: $ASSUMED"
  find_skipped
  known=no
  [ -n "$STEP" ] && was_applied "$FROM_PLAN" && known=yes
  [ "$known" = yes ] || check_files
  preflight_bundle
  if [ "$dry_run" = no ]; then
    keep_bundle
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
    [ "$dry_run" = yes ] || accept_unchanged
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
      settle_or_say "$journal"
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

# The last run left what this bundle wants, so it comes back.
accept_unchanged() {
  { printf '%s\n' "$comes_back" > "$last/after/comes-back" && record_accepted "$last/after/accepted"; } 2> /dev/null ||
    refuse "cannot write to $state: $state_advice"
  settle_or_say "$last"
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
  forget_before
  [ "$stepping" = yes ] || keep_standing
  retiring=$(count_lines "$work/draining")
  [ "$retiring" -eq 0 ] || say note "$retiring real servers ($(awk '
    NR <= 5 { printf "%s%s of %s %s", (NR > 1 ? ", " : ""), $3, $1, $2 }
    NR == 6 { printf ", ..." }' "$work/draining")) keep their connections at weight 0; \"apply.sh drain\" removes them"
  report applied
  finish 0
}

# forget_before: at a start of the node, there is no state to go back to; the bundle before is.
forget_before() { [ "$starting" = no ] || true > "$journal/before/state"; }

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
