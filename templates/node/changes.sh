# --- from a difference to payloads ----------------------------------------------------------------------------

# work_out MODE: reads $work/{have,want}/state and lays out the payloads of the way from one to the other in
# $work. MODE: retire (real servers with connections stay, at weight 0) or exact.
work_out() {
  problem="cannot compare states in $work: is there room?"
  keep_link || return 1
  set -- "$1" "$work/removed" "$work/added"
  comm -23 "$work/have/state" "$work/want/state" > "$2" || return 1
  comm -13 "$work/have/state" "$work/want/state" > "$3" || return 1
  true > "$work/connections" && has_room "$work" || return 1
  content=''
  if [ -s "$2" ]; then
    # A set of other parameters is filled anew; of real servers it matters whether they have connections.
    # A set has room for some more than was wanted of it, but perhaps not for as many as leave it, too.
    needed=$(awk -v many="$MANY" '
      # One with particulars takes the place of one without, or the other way round, with its set.
      $1 == "entry" && NF > 3 { content = "content" }
      part == "added" { next }
      $1 == "set" || $1 == "entry" && ++leaving[$2] == many { content = "content" }
      $1 == "real" && $2 == "-t" { connections = "connections" }
      END { print content, connections }' part=removed "$2" part=added "$3") || return 1
    case $needed in
      *content*) content=yes ;;
    esac
    case $1/$needed in
      retire/*connections) call 'ipvsadm -L' ipvsadm -L -n > "$work/connections" || return 1 ;;
    esac
  fi
  lay_out "$@" "$work/want/rules"
}

# The payloads of a way, in the order in which they are loaded. 1 makes, 2 breaks; many servers are added by two
# processes, since ipvsadm is slow.
PAYLOADS='sysctls sets.1 rules.1.ipv4 rules.1.ipv6 ipvs.1 ipvs.1.beside ip.1 ip.2 ipvs.2 rules.2.ipv4 rules.2.ipv6 sets.2 conntrack'
MANY=1000

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

# lay_out MODE REMOVED ADDED RULES: lays out the payloads of the way that takes REMOVED away and puts ADDED there, and
# with them retained (what stays although nobody wants it), draining, counts, and growth (how many more lines IPVS
# will list). RULES: the wanted ones, in order. $work/connections: what ipvsadm lists of real servers that leave.
lay_out() {
  problem="cannot lay out payloads in $work: is there room?"
  laid_out=$1 removed=$2 added=$3 wanted_rules=$4
  for name in $PAYLOADS retained draining counts growth; do true > "$work/$name" || return 1; done
  [ -s "$2" ] || [ -s "$3" ] || return 0
  true > "$work/drained"
  if [ -e "$state/draining" ]; then call cp cp "$state/draining" "$work/drained" || return 1; fi
  list_drain_timeouts > "$work/drain-timeouts" || return 1
  set -- part=timeouts "$work/drain-timeouts" part=draining "$work/drained" part=connections "$work/connections" part=removed "$removed" part=added "$added" \
    part=rules "$wanted_rules" part='old rules' "$work/have/rules"
  [ -z "$content" ] || set -- "$@" part=content "$work/have/state" part='wanted content' "$work/want/state"
  uptime_seconds
  awk -v out="$work" -v mode="$laid_out" -v json="$json" -v many="$MANY" -v now="$now" -v drain_timeout="$drain_timeout" -v dummy="$DUMMY" \
    -v bound_sets="$BOUND_SETS" -v strict_sets="$STRICT_SETS" -v exemptions="$EXEMPTIONS" -v families="$FAMILIES" "$AWK_CHANGES" "$@" && has_room "$work"
}
