# --- loading --------------------------------------------------------------------------------------------------

# load_part NAME PAYLOAD COMMAND...: gives a payload to a tool, unless it is empty.
load_part() {
  part_name=$1
  payload=$work/$2
  shift 2
  [ -s "$payload" ] || return 0
  say step "$part_name"
  if ! call "$part_name" "$@" < "$payload"; then return 1; fi
  case $1 in
    ipvsadm)
      # It reports success whatever the kernel said.
      [ -s "$errors" ] || return 0
      problem="$part_name: $(awk 'NR <= 3' "$errors")"
      return 1
      ;;
  esac
}

# The payloads of work_out, in the order that makes before it breaks.
load() {
  load_part 'settings' sysctls sysctl -q -p "$work/sysctls" || return 1
  if [ -e "$work/have/rules.aside" ]; then
    call 'remove a set that an interrupted run left' ipset destroy ipvsc-tmp || return 1
  fi
  load_part 'fill sets' sets.1 ipset restore || return 1
  for family in $FAMILIES; do
    use_tables "$family"
    load_part "write chains ($family)" "rules.1.$family" "$tables-restore" --noflush -w 10 || return 1
  done
  load_servers || return 1
  load_part 'bind addresses' ip.1 ip -batch - || return 1
  load_part 'unbind addresses' ip.2 ip -batch - || return 1
  load_part 'retire virtual and real servers' ipvs.2 ipvsadm -R || return 1
  for family in $FAMILIES; do
    use_tables "$family"
    load_part "trim chains ($family)" "rules.2.$family" "$tables-restore" --noflush -w 10 || return 1
  done
  load_part 'change what is left of sets' sets.2 ipset restore || return 1
  flush_connections
}

# Where there are many, side by side; what runs in the background already goes on.
load_servers() {
  others=$running
  running=''
  for payload in ipvs.1 ipvs.1.beside; do
    [ ! -s "$work/$payload" ] || in_background "$payload" load_part 'add virtual and real servers' "$payload" ipvsadm -R
  done
  join
  loaded=$?
  running=$others others=''
  return "$loaded"
}

# Connection tracking would go on sending datagrams to real servers that are gone.
flush_connections() {
  [ -s "$work/conntrack" ] || return 0
  if ! has conntrack; then
    say warning 'conntrack is not installed: UDP clients of removed real servers may see them until their entries expire'
    return 0
  fi
  say step 'flush UDP connections'
  awk '
    function bare(host) { sub(/:[0-9]+$/, "", host); gsub(/[][]/, "", host); return host }
    {
      port = $2
      sub(/.*:/, "", port)
      printf "-D -f %s -p udp --orig-dst %s --orig-port-dst %s --reply-src %s\n", ($2 ~ /^\[/ ? "ipv6" : "ipv4"), bare($2), port, bare($3)
    }' "$work/conntrack" > "$work/flushes" || return 0
  # One process for all of them, from 1.4.7 on.
  case $(conntrack -V 2> /dev/null) in
    *v1.4.[0-6] | *v1.4.[0-6]' '* | *v1.[0-3].* | *v0.*) ;;
    *) call 'conntrack -R' conntrack -R - < "$work/flushes" > /dev/null && return 0 ;;
  esac
  while read -r flush; do
    # shellcheck disable=SC2086 # words; it fails where there is nothing to delete
    call 'conntrack -D' conntrack $flush < /dev/null > /dev/null || :
  done < "$work/flushes"
}

# Whether the node, read again, says what was wanted. The list of /proc goes to $servers_to, if that is a name.
verify() {
  say step 'read the node again'
  release_room
  if [ "$stepping" = yes ]; then
    verify_step
    return
  fi
  expected=$work/want/state
  if [ -s "$work/retained" ]; then
    expected=$work/expected
    sort "$work/want/state" "$work/retained" > "$expected" || return 1
  fi
  # Changes in another network namespace can leave a virtual server out of a list (list_until_settled), which is no reason to
  # take back what was loaded.
  for reading in 1 2 3; do
    [ "$reading" -eq 1 ] || sleep 1
    read_node "$work/now" "$servers_to" && state_of "$work/now" && compare_with_expected || return 1
    servers_differ || break
  done
  no_differences
}

# What others had put into a set for a time may have passed since.
compare_with_expected() {
  comm -3 "$expected" "$work/now/state" > "$work/compared" &&
    awk '!/^entry .* timeout( |$)/' "$work/compared" > "$work/differs" && has_room "$work"
}

servers_differ() { awk '$1 == "virtual" || $1 == "real" { differ = 1 } END { exit !differ }' "$work/differs"; }

no_differences() {
  [ -s "$work/differs" ] || return 0
  problem="the node does not hold what was loaded (missing lines stand left, surplus ones right):
$(awk 'NR <= 10' "$work/differs")"
  return 1
}
