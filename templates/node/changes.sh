# --- from a difference to payloads ----------------------------------------------------------------------------

# work_out MODE: reads $work/{have,want}/state and lays out the payloads of the way from one to the other in
# $work. MODE: retire (real servers with connections stay, at weight 0) or exact.
work_out() {
  problem="cannot compare states in $work: is there room?"
  keep_link || return 1
  comm -23 "$work/have/state" "$work/want/state" > "$work/removed" || return 1
  comm -13 "$work/have/state" "$work/want/state" > "$work/added" || return 1
  true > "$work/connections" && has_room "$work" && sort_out "$work/removed" "$work/added" || return 1
  case $1/$known_by in
    retire/*connections*) call 'ipvsadm -L' ipvsadm -L -n > "$work/connections" || return 1 ;;
  esac
  lay_out "$1" "$work/removed" "$work/added" "$work/want/rules"
}

# The payloads of a way, in the order in which they are loaded. 1 makes, 2 breaks; many servers are added by two
# processes, since ipvsadm is slow.
PAYLOADS='sysctls sets.1 rules.1.ipv4 rules.1.ipv6 ipvs.1 ipvs.1.beside ip.1 ip.2 ipvs.2 rules.2.ipv4 rules.2.ipv6 sets.2 conntrack'
MANY_SERVERS=1000

# sort_out REMOVED ADDED: $subjects are what payloads are to be laid out for, and $known_by what has to be known for that.
sort_out() {
  problem="cannot lay out payloads in $work: is there room?"
  for name in $PAYLOADS retained draining counts growth kept subjects known-by; do true > "$work/$name" || return 1; done
  for name in $COUNTED; do true > "$work/counted.$name" || return 1; done
  subjects='' known_by=''
  [ -s "$1" ] || [ -s "$2" ] || return 0
  awk -v out="$work" -v many="$MANY_ENTRIES" "$AWK_WORDS$AWK_SUBJECTS" part=removed "$1" part=added "$2" > "$work/counted.settings" &&
    has_room "$work" && read -r subjects < "$work/subjects" && read -r known_by < "$work/known-by"
}

# lay_out MODE REMOVED ADDED RULES: lays out the payloads of the way that takes REMOVED away and puts ADDED there, which were
# sorted out, and with them retained (what stays although nobody wants it), draining, counts, and growth (how many more lines
# IPVS will list). RULES: the wanted ones, in order. $work/connections: what ipvsadm lists of real servers that leave.
lay_out() {
  problem="cannot lay out payloads in $work: is there room?"
  laid_out=$1 wanted_rules=$4
  set -- part=removed "$2" part=added "$3"
  for subject in $subjects; do
    "lay_out_$subject" "$@" > "$work/counted.$subject" || return 1
  done
  [ -s "$work/growth" ] || echo 0 > "$work/growth"
  count_up && has_room "$work"
}

lay_out_servers() {
  true > "$work/drained"
  if [ -e "$state/draining" ]; then call cp cp "$state/draining" "$work/drained" || return 1; fi
  list_drain_timeouts > "$work/drain-timeouts" || return 1
  uptime_seconds
  awk -v out="$work" -v mode="$laid_out" -v many="$MANY_SERVERS" -v now="$now" -v drain_timeout="$drain_timeout" \
    "$AWK_WORDS$AWK_SERVERS" part=timeouts "$work/drain-timeouts" part=draining "$work/drained" \
    part=connections "$work/connections" "$@"
}

# Seconds by virtual server, as this bundle says and, for those that it has no more, as the last one did. They matter only
# where something could drain.
list_drain_timeouts() {
  [ -s "$work/connections" ] || return 0
  # An address in brackets would be a pattern.
  set -f
  # shellcheck disable=SC2086 # a list of words
  printf 'wanted %s %s %s\n' $DRAIN_TIMEOUTS
  before=$(read_scope "$last/after/scope" && printf '%s' "$DRAIN_TIMEOUTS")
  # shellcheck disable=SC2086 # a list of words
  [ -z "$before" ] || printf 'known %s %s %s\n' $before
  set +f
}

lay_out_addresses() { awk -v out="$work" -v dummy="$DUMMY" "$AWK_WORDS$AWK_ADDRESSES" part=kept "$work/kept" "$@"; }

lay_out_sets() {
  case $known_by in
    *content*) set -- "$@" part=content "$work/have/state" part='wanted content' "$work/want/state" ;;
  esac
  awk -v out="$work" -v many="$MANY_ENTRIES" -v headroom="$SET_HEADROOM" -v smallest_hash="$SMALLEST_HASH_SIZE" \
    -v per_bucket="$ENTRIES_PER_BUCKET" -v bound_sets="$BOUND_SETS" -v strict_sets="$STRICT_SETS" -v exemptions="$EXEMPTIONS" \
    "$AWK_WORDS$AWK_SETS" part=kept "$work/kept" "$@"
}

lay_out_rules() {
  awk -v out="$work" -v families="$FAMILIES" "$AWK_WORDS$AWK_RULES" "$@" part='old rules' "$work/have/rules" part=rules "$wanted_rules"
}

# What was counted of each subject, in the order of the report.
COUNTED='settings sets rules servers addresses'

# counts: all of it in one line, as the report says it.
count_up() {
  counted='' separator=', '
  [ "$json" = no ] || separator=,
  for subject in $COUNTED; do
    while read -r kind number words; do
      if [ "$json" = yes ]; then words="\"$kind\":$number"; else words="$number $words"; fi
      counted=$counted${counted:+$separator}$words
    done < "$work/counted.$subject"
  done
  [ -z "$counted" ] || printf '%s\n' "$counted" > "$work/counts"
}
