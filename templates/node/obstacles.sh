# --- what will certainly fail ---------------------------------------------------------------------------------

# find_obstacles: what stands in the way that was laid out, a line for each, in $work/obstacles. 1: that cannot be told.
find_obstacles() {
  problem="cannot write to $work: is there room?"
  obstacles=$work/obstacles
  find_uses > "$obstacles" || return 1
  find_hidden_uses >> "$obstacles" || return 1
  if [ -e "$work/have/rules.aside" ] && references ipvsc-tmp && [ "$used" -gt 0 ]; then
    echo "set ipvsc-tmp, which is to be filled, is used by something else: remove what uses it, or the set" >> "$obstacles"
  fi
  find_unbindable >> "$obstacles" || return 1
  if [ -s "$work/have/other-kind" ]; then
    echo "$DUMMY is no dummy interface but $(cat "$work/have/other-kind"): remove it" >> "$obstacles"
  fi
  has_room "$work"
}

# Addresses that the kernel would not take: a setting switches IPv6 off on the interface, or on all that are made. Rules, sets and
# servers of the family load all the same, so that only a bundle which binds some is in the way.
find_unbindable() {
  switch=net.ipv6.conf.$DUMMY.disable_ipv6
  path_of "$switch"
  if [ ! -e "$path" ]; then
    switch=net.ipv6.conf.default.disable_ipv6
    path_of "$switch"
  fi
  # A shell reads a digit of it, and no end of line.
  off=0
  { read -r off < "$path"; } 2> /dev/null || :
  [ "$off" = 1 ] || return 0
  awk -v name="$switch" -v dummy="$DUMMY" '
    $1 == "addr" && $2 == "add" && $3 ~ /:/ { n++ }
    END { if (n > 0) print dummy " takes no IPv6 address, and the bundle has " n ": set " name " to 0, or build the bundle with --family ipv4" }' "$work/ip.1"
}

# Rules of others that use a chain or set which is to go, and sets that are of another type.
find_uses() {
  true > "$work/used"
  printf '%s\n' "$CHAINS" > "$work/own-chains" || return 1
  set -- part=own "$work/own-chains" part=gone "$work/removed" part=come "$work/added"
  for family in $FAMILIES; do
    set -- "$@" "part=$family" "$work/have/$family"
  done
  awk -v known="$work/used" "$AWK_USES" "$@"
}

# Sets that are to go and that more uses than the rules which were seen: other sets, and rules of the other flavour.
find_hidden_uses() {
  while read -r set counted; do
    for try in 1 2 3; do
      references "$set" || return 1
      [ "$used" -gt "$counted" ] || continue 2
      # What was removed a moment ago may still count.
      sleep 1
    done
    echo "set $set is used by something else than rules of iptables: another set, or the other flavour"
  done < "$work/used"
}

# references SET: $used is how many rules and sets use it; 0 where it is not there.
references() {
  used=0
  call 'ipset list' ipset list -t "$1" > "$work/references" || return 0
  used=$(awk '$1 == "References:" { print $2 + 0 }' "$work/references")
  used=${used:-0}
}

# refuse_for_obstacles: before anything is touched.
refuse_for_obstacles() {
  find_obstacles || refuse_for_problem
  [ ! -s "$obstacles" ] || refuse "$(first_lines "$obstacles")"
}

# first_lines FILE: five at most, in one.
first_lines() {
  awk 'NR <= 5 { printf "%s%s", (NR > 1 ? "; " : ""), $0 } END { if (NR > 5) printf "; and %d more", NR - 5 }' "$1"
}

# --- tables that iptables cannot list ---------------------------------------------------------------------------

# name_unreadable FILE: $problem names the tables that the nft flavour could not list (lines: family table), and the rules.
name_unreadable() {
  problem=''
  while read -r family table; do
    case " $CHAINS " in *" $family/$table/"*) ;; *) continue ;; esac
    problem="${problem:+$problem; }table $table of $family holds what iptables cannot list$(name_native "$family" "$table")"
  done < "$1"
  [ -n "$problem" ] || return 0
  problem="$problem: move it to a table of its own (nft), since no rule there would be seen"
  return 1
}

# name_native FAMILY TABLE: rules that only nft can express, as far as it tells them.
name_native() {
  case $1 in ipv4) family_of_nft=ip ;; ipv6) family_of_nft=ip6 ;; esac
  has nft || return 0
  call 'nft list' nft --debug=netlink -a list table "$family_of_nft" "$2" > "$work/native" 2> /dev/null || return 0
  awk -v family="$family_of_nft" -v table="$2" "$AWK_NATIVE" "$work/native"
}
