# --- state: one notation for what is held and what is wanted ---------------------------------------------------
#
#   virtual -t 10.96.0.1:443 -s rr            chain ipv4 nat KUBE-SERVICES
#   real -t 10.96.0.1:443 10.0.0.1:6443 -m -w 1
#                                             rule ipv4 nat KUBE-SERVICES 0001 -s 127.0.0.0/8 -j RETURN
#   set KUBE-CLUSTER-IP hash:ip,port family inet maxelem 65536
#   entry KUBE-CLUSTER-IP 10.96.0.1,tcp:443   jump ipv4 nat OUTPUT -m comment --comment "..." -j KUBE-SERVICES
#   link kube-ipvs0, address 10.96.0.1        sysctl net.ipv4.ip_forward 1, timeout tcp 900

# normalise RULES part=NAME FILE ...: writes state to standard output; chains, rules and jumps, in the order in
# which they are to be loaded, to RULES, too; the number of virtual and real servers, whosever they are, to
# RULES.servers. RULES.aside is made where a set was left half filled.
normalise() {
  rules=$1
  shift
  # Too long for an argument, perhaps.
  printf '%s\n' "$INCLUDE" > "$rules.include" && printf '%s\n' "$CHAINS" > "$rules.chains" || return 1
  set -- part=include "$rules.include" part=chains "$rules.chains" "$@"
  awk -v rules="$rules" -v dummy="$DUMMY" -v families=" $FAMILIES " -v sets="$SETS" \
    -v settings="$SYSCTLS" -v skipped="$skipped" -v timeouts=" $TIMEOUTS " -v exclude="$EXCLUDE" "$AWK_STATE" "$@"
}

# read_node DIR [FILE]: what each tool says, all of them side by side, with a file for each; FILE keeps the list of /proc.
read_node() {
  begin_reading "$1" || return 1
  if [ -e /proc/net/ip_vs ]; then
    in_background servers count_servers "${2-}"
    in_background ipvs read_part ipvs 'ipvsadm -S' ipvsadm -S -n
    # After loading, there are only those that were there before, or that a way back wants.
    if [ "$into" = "$work/have" ] || [ "$thresholds" = yes ] || [ -s "$work/have/thresholds" ]; then in_background thresholds read_thresholds; fi
    [ -z "$TIMEOUTS" ] || in_background timeouts read_part timeouts 'ipvsadm -L' ipvsadm -L --timeout
  fi
  in_background ipset read_sets
  in_background network read_network
  [ -z "$SYSCTLS" ] || in_background sysctls read_settings
  join
}

# begin_reading DIR: what is read comes $into there.
begin_reading() {
  problem="cannot write to $work: is there room?"
  into=$1
  [ -d "$into" ] || mkdir "$into" || return 1
  for part in ipvs lines timeouts thresholds bound other-kind unreadable leftovers sysctls $FAMILIES; do true > "$into/$part" || return 1; done
}

# Thresholds are in no other list.
read_thresholds() {
  read_part thresholds.listed 'ipvsadm -L' ipvsadm -L -n --thresholds &&
    awk "$AWK_THRESHOLDS" "$into/thresholds.listed" > "$into/thresholds"
}

read_sets() { read_part ipset 'ipset save' ipset save; }

# Rules and addresses, without what changes by itself: counters, and what other interfaces have. Chains of kube-proxy's
# iptables mode are listed by themselves; kubelet's are not among them.
read_network() {
  printf 'addr show\nlink show type dummy\n' > "$into/asked" || return 1
  read_part addresses 'ip addr' ip -o -batch - < "$into/asked" || return 1
  set -- part=owned "$into/owned" part=addresses "$into/addresses" part=links /proc/net/dev
  for family in $FAMILIES; do
    use_tables "$family"
    read_part "$family.listed" "$tables-save" "$tables-save" || return 1
    set -- "$@" "part=$family" "$into/$family.listed"
  done
  problem="cannot write to $work: is there room?"
  printf '%s\n' "$CHAINS" > "$into/owned" || return 1
  awk -v into="$into/" -v dummy="$DUMMY" "$AWK_NETWORK" "$@" && name_unreadable "$into/unreadable"
}

# A number of /proc/sys has to be read at once, and shells read byte by byte. Settings that are not there are no failure.
read_settings() {
  # shellcheck disable=SC2086 # a list of names
  read_part sysctls sysctl sysctl $SYSCTLS || [ -s "$into/sysctls" ]
}

# read_part FILE NAME COMMAND...
read_part() {
  file=$into/$1
  shift
  call "$@" > "$file"
}

# Virtual and real servers as /proc lists them, ten times as fast as ipvsadm, but without thresholds and flags of schedulers;
# where other network namespaces of this kernel have virtual servers, too, it leaves lines out: good for nothing but to see that
# nothing has changed. So many lines of it are not servers:
PROC_HEADING=3

# count_servers [FILE]: $into/lines says how many lines the list has; FILE keeps it.
count_servers() {
  problem="cannot write to ${1:-$work}: is there room?"
  awk -v kept="$1" -v lines="$into/lines" '
    kept != "" { print > kept }
    END { print NR > lines }' /proc/net/ip_vs
}

# copy_servers FILE
copy_servers() {
  problem="cannot write to $1: is there room?"
  limited cat /proc/net/ip_vs > "$1"
}

# lists_servers FILE LINES: whether the list is that of FILE, which has to have so many lines, but for what connections count.
# Compared by virtual server: the names of protocols have a P, and nothing else that is listed of one.
lists_servers() {
  awk -v known="$1" -v lines="$2" "$AWK_SERVERS_AS_KNOWN" /proc/net/ip_vs
}

# state_of DIR: lays out what read_node read.
state_of() {
  lay_out_listings "$1" || return 1
  lists_agree "$1" && return 0
  list_until_settled "$1" && lay_out_listings "$1"
}

lay_out_listings() {
  problem="cannot write to $work: is there room?"
  set -- "$1" part=thresholds "$1/thresholds" part=ipvs "$1/ipvs" part=timeouts "$1/timeouts" part=ipset "$1/ipset" \
    part=addresses "$1/bound" part=links /proc/net/dev part=sysctls "$1/sysctls"
  dir=$1
  shift
  for family in $FAMILIES; do set -- "$@" "part=$family" "$dir/$family"; done
  normalise "$dir/rules" "$@" > "$dir/unsorted" && sort "$dir/unsorted" > "$dir/state" && has_room "$dir"
}

# Whether both lists of virtual and real servers in DIR are equally long.
lists_agree() {
  { read -r listed < "$1/lines"; } 2> /dev/null && [ -n "$listed" ] || listed=$PROC_HEADING
  read -r servers < "$1/rules.servers" && [ "$listed" -eq $((servers + PROC_HEADING)) ]
}

# The kernel hands a list to ipvsadm in parts and finds its place by counting, across all network namespaces: a change
# between two parts, wherever it is made, repeats a virtual server or leaves one out. A list that comes again, while none was
# longer, is right; so is one that comes three times in a row, if the longer one before it has lost something since. Parts begin
# at the same virtual servers each time, so that changes which go on may leave the same one out twice: where some are seen, it
# takes two lists more, and time between them.
list_until_settled() {
  into=$1
  longest=$(each_server_once "$into/ipvs") && most=$(count_lines "$into/once") || return 1
  before=$longest
  again=1 calm=yes
  for try in 1 2 3 4 5 6 7 8 9; do
    [ "$try" -lt 4 ] && [ "$calm" = yes ] || sleep 1
    count_users
    used=$users
    read_part again 'ipvsadm -S' ipvsadm -S -n || return 1
    count_users
    [ "$used" = "$users" ] && calm=yes || calm=no
    sum=$(each_server_once "$into/again") && lines=$(count_lines "$into/once") || return 1
    if [ "$sum" = "$before" ]; then again=$((again + 1)); else again=1; fi
    [ "$calm" = yes ] && enough=1 || enough=3
    if [ "$sum" = "$longest" ] && [ "$try" -ge "$enough" ] || [ "$again" -ge $((enough + 2)) ]; then
      call mv mv "$into/once" "$into/ipvs"
      return
    fi
    before=$sum
    [ "$lines" -lt "$most" ] || longest=$sum most=$lines
  done
  problem='the list of virtual servers keeps changing: find out what else changes them, and stop it'
  return 1
}

# Each virtual server, in whichever network namespace, is a user of the module, and so is who lists them. $users is empty where
# IPVS is no module.
count_users() {
  users=''
  { read -r users < /sys/module/ip_vs/refcnt; } 2> /dev/null || :
}

# each_server_once FILE: without repetitions, into $into/once; prints its checksum.
each_server_once() {
  awk '
    $1 == "-A" { repeated = ($2 " " $3) in listed; listed[$2 " " $3] = 1 }
    !repeated' "$1" > "$into/once" && sha256sum < "$into/once"
}

# state_of_bundle DIR: what the bundle wants of this node, in DIR.
state_of_bundle() {
  problem="cannot write to $work: is there room?"
  [ -d "$1" ] || mkdir "$1" || return 1
  conntrack_max > "$1/computed" || return 1
  if [ -n "$left_out" ]; then
    awk -v wanted=no "$AWK_LEFT_OUT" "$copy/wanted.rules" > "$1/rules" &&
      awk -v wanted=no "$AWK_LEFT_OUT" "$copy/wanted.state" > "$1/kept" || return 1
  else
    call ln ln "$copy/wanted.rules" "$1/rules" && call ln ln "$copy/wanted.state" "$1/kept" || return 1
  fi
  if [ -z "$skipped" ] && [ ! -s "$1/computed" ]; then
    call mv mv "$1/kept" "$1/state"
    return
  fi
  awk -v skipped=" $skipped " '$1 != "sysctl" || !index(skipped, " " $2 " ")' "$1/kept" "$1/computed" > "$1/unsorted" &&
    sort "$1/unsorted" > "$1/state" && true > "$1/unsorted" && has_room "$1"
}

# The size of the connection tracking table, where it follows the node's cores.
conntrack_max() {
  [ "$CONNTRACK_MAX_PER_CORE" -gt 0 ] || return 0
  awk -v per_core="$CONNTRACK_MAX_PER_CORE" -v min="$CONNTRACK_MIN" '
    /^processor/ { cores++ }
    END {
      max = per_core * (cores < 1 ? 1 : cores)
      printf "sysctl net.netfilter.nf_conntrack_max %d\n", (max > min ? max : min)
    }' /proc/cpuinfo
}
