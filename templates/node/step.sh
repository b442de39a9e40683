# --- delta bundles: one step from a state that is known -------------------------------------------------------

# The last run left what the delta starts from. If the tools say what they said then, the comparison was done when the
# bundle was made: leaves in $work what comparing would, and a journal. All of that is done side by side, and counts for
# nothing where 1 comes back: the node is in another state.
prepare_step() {
  [ -e /proc/net/ip_vs ] || return 1
  begin_reading "$work/have" && { read -r lines < "$last/after/lines"; } 2> /dev/null && [ -n "$lines" ] || return 1
  in_background known starts_here
  lay_out_step && { [ "$dry_run" = yes ] || prepare_journal "$last/after"; } &&
    lists_servers "$last/after/servers" "$lines" && prepared=yes || prepared=no
  join && [ "$prepared" = yes ] || { reviewed=no; return 1; }
  [ "$dry_run" = yes ] || in_background record record_step
}

# Whether all but IPVS is as after the last run, and the files of the step are whole.
starts_here() {
  # shellcheck disable=SC2086 # a list of names
  recorded_sums ipset bound $FAMILIES > "$work/sums" && list_sums configuration delta >> "$work/sums" || return 1
  in_background ipset read_sets
  in_background network read_network
  join && sums_match
}

# What the node will hold, for the record in journal/after. All three lists are sorted alike.
record_step() {
  problem="cannot write to $state"
  awk -v removed="$copy/delta/removed.state" -v added="$copy/delta/added.state" -v rules="$last/after/rules" \
    -v kept_rules="$journal/after/rules" "$AWK_RECORD_STEP" \
    "$last/after/state" > "$journal/after/state" && has_room "$journal"
}

lay_out_step() {
  list_step_servers "$work/connections" && true > "$work/have/rules" &&
    sort_out "$copy/delta/removed.state" "$copy/delta/added.state" && known_by='' &&
    lay_out "$mode" "$copy/delta/removed.state" "$copy/delta/added.state" "$last/after/rules" &&
    reviewed=yes && take_reviewed
}

# list_step_servers FILE: the virtual servers that the step touches, with connections.
list_step_servers() {
  # shellcheck disable=SC2086 # a list of words
  set -- "$1" $STEP_SERVERS
  list=$1
  shift
  true > "$list" || return 1
  while [ $# -gt 0 ]; do
    call 'ipvsadm -L' ipvsadm -L -n "$1" "$2" >> "$list" || return 1
    shift 2
  done
}

# What the step touched, read again; all else was seen a moment ago.
verify_step() {
  problem="cannot write to $work: is there room?"
  into=$work/now
  in_background servers copy_servers "$journal/after/servers"
  set -- part=wanted "$copy/delta/touched.state" part=wanted "$work/retained" part=gone "$copy/delta/removed.state" \
    part=servers "$work/listed"
  list_step_servers "$work/listed" || return 1
  if [ -s "$work/sets.1" ] || [ -s "$work/sets.2" ]; then
    read_sets || return 1
    set -- "$@" part=ipset "$into/ipset"
  fi
  awk "$AWK_VERIFY_STEP" "$@" > "$work/differs" || return 1
  no_differences && join
}
