# --- preflight ------------------------------------------------------------------------------------------------

# use_tables FAMILY: $tables is the tool of the family, in the flavour in use.
use_tables() {
  case $1 in
    ipv4) tables=iptables$variant ;;
    ipv6) tables=ip6tables$variant ;;
  esac
}

# Sets $flavour and $variant. The two flavours do not see each other's rules: the one in use counts.
choose_flavour() {
  if [ -z "$flavour" ]; then
    problem="cannot read what iptables holds in $work" nft='' legacy=''
    if has iptables-nft-save; then
      if call 'iptables-nft-save' iptables-nft-save > "$work/nft"; then nft=$(rules_in "$work/nft") || refuse_for_problem; fi
    fi
    # Without its tables loaded, there is nothing that the legacy flavour could hold.
    if has iptables-legacy-save && { read -r names < /proc/net/ip_tables_names; } 2> /dev/null && [ -n "$names" ]; then
      if call 'iptables-legacy-save' iptables-legacy-save > "$work/legacy"; then
        legacy=$(rules_in "$work/legacy") || refuse_for_problem
      fi
    fi
    case $nft/$legacy in
      ours/ours | other/other)
        refuse "both flavours of iptables hold rules: say which one the node uses with --iptables nft or --iptables legacy"
        ;;
      ours/* | other/) flavour=nft ;;
      */ours | /other) flavour=legacy ;;
      *)
        case $(iptables -V 2> /dev/null) in
          *nf_tables*) flavour=nft ;;
          *legacy*) flavour=legacy ;;
          *) refuse 'cannot tell the flavour of iptables: say it with --iptables nft or --iptables legacy' ;;
        esac
        ;;
    esac
  fi
  use_flavour
}

use_flavour() {
  variant=-$flavour
  has "iptables$variant-restore" || variant=''
  for family in $FAMILIES; do
    use_tables "$family"
    has "$tables-restore" && has "$tables-save" || refuse "$tables-restore and $tables-save are not both installed: install iptables"
  done
}

# What an iptables-save holds: ours (rules of Kubernetes), other, or nothing.
rules_in() {
  awk '/^:KUBE-/ { ours = 1 } /^-A/ || /^# Table .* is incompatible/ { other = 1 } END { if (ours) print "ours"; else if (other) print "other" }' "$1"
}

check_root() {
  while read -r key _ effective _; do
    [ "$key" = Uid: ] && break
  done < /proc/self/status
  [ "$effective" -eq 0 ] || refuse 'this needs root: run it with sudo, or log in as root'
}

check_filters() { check_tools awk sort comm sha256sum; }

# check_tools NAME...: what the shell of busybox has in itself is not what is needed.
check_tools() {
  for name in "$@"; do
    find_tool "$name"
    case $tool in
      */*) ;;
      *) refuse "$name is not installed: install it" ;;
    esac
  done
}

check_kernel() {
  read -r release < /proc/sys/kernel/osrelease
  major=${release%%.*}
  minor=${release#*.}
  minor=${minor%%[!0-9]*}
  [ "$major" -gt 4 ] || { [ "$major" -eq 4 ] && [ "$minor" -ge 1 ]; } ||
    refuse "the kernel is $release; IPVS mode needs 4.1 or newer: upgrade it"
}

# Tools that a run before this one used, since the node was started, are not asked again.
check_versions() {
  [ ! -s "$last/after/state" ] || return 0
  check_ipvsadm
  check_version ipset 6 0 0 ipset --version
  # Those of a flavour came with 1.8.
  [ -n "$variant" ] || check_version iptables 1 6 2 iptables -V
}

# It loads the module to tell its version.
check_ipvsadm() { [ ! -e /proc/net/ip_vs ] || check_version ipvsadm 1 26 0 ipvsadm --version; }

# check_version NAME MAJOR MINOR PATCH COMMAND...: the first word that looks like a version counts.
check_version() {
  name=$1 needed=$2.$3.$4
  shift 4
  call "$name" "$@" > "$work/version" || refuse "$problem: it does not tell its version, install it again"
  awk -v needed="$needed" "$AWK_VERSION" "$work/version" || refuse "$name is too old ($(cat "$work/version")); $needed or newer is needed: upgrade it"
}

# Modules that are not loaded: they have to exist.
check_modules() {
  absent=''
  for module in $MODULES; do
    [ -d "/sys/module/$module" ] || absent="$absent $module"
  done
  for module in $absent; do
    call modprobe modprobe -n -q "$module" ||
      refuse "the kernel has no module $module: install it, or build the bundle with another scheduler"
  done
}

load_modules() {
  [ -n "$absent" ] || return 0
  say step "load modules:$absent"
  # shellcheck disable=SC2086 # a list of names
  call modprobe modprobe -a $absent || refuse "$problem: see what the kernel says of it (dmesg)"
}

# Settings that exist but may not be changed from here, as in a container, are left alone ($skipped); $missing: the first that
# is not there.
find_skipped() {
  skipped='' missing=''
  for name in $SYSCTLS; do
    path_of "$name"
    if [ ! -e "$path" ]; then
      missing=${missing:-$name}
    # Some shells take root to be allowed everything: opening it tells.
    elif ! { true >> "$path"; } 2> /dev/null; then
      skipped="$skipped $name"
    fi
  done
}

check_settings() {
  [ -z "$absent" ] || find_skipped
  [ -z "$missing" ] || refuse "this kernel has no setting $missing: the module that brings it is missing, install it"
  [ -z "$skipped" ] || say_standing "settings that may not be changed from here are left as they are:$skipped"
}

# Settings that belong to the owner of the node.
check_prerequisites() {
  for setting in $PREREQUISITES; do
    name=${setting%=*} value=${setting#*=}
    path_of "$name"
    if [ ! -e "$path" ]; then
      case $name in
        net.bridge.*) say note "$name is not there: pods on a Linux bridge would need br_netfilter" ;;
        *) say_standing "$name is not there, but should be $value" ;;
      esac
      continue
    fi
    read -r found < "$path"
    [ "$found" = "$value" ] || say_standing "$name is $found, but should be $value: set it on the node"
  done
}

# An address that another interface has would be taken from it.
check_addresses() {
  find_taken "$work/want/state"
  [ ! -s "$work/taken" ] || refuse "$(cat "$work/taken")"
}

# find_taken STATE: $work/taken says which addresses of that state other interfaces have.
find_taken() {
  true > "$work/taken"
  awk -v dummy="$DUMMY" '
    part == "want" { if ($1 == "address") wanted[$2] = 1; next }
    $2 != dummy && ($3 == "inet" || $3 == "inet6") {
      sub(/\/.*/, "", $4)
      if ($4 in wanted) print $4 " (on " $2 ")"
    }' part=want "$1" part=have "$work/have/addresses" > "$work/conflicts"
  [ -s "$work/conflicts" ] || return 0
  echo "addresses of Services are on other interfaces of this node: $(awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }' \
    "$work/conflicts"); build the bundle with --node-addresses or --node-facts of this node" > "$work/taken"
}

# net_of PROCESS: which network namespace it lives in.
# shellcheck disable=SC2012 # no file name of anybody's making
net_of() { ls -Li "/proc/$1/ns/net" 2> /dev/null | awk '{ print $1 }'; }

check_other_proxy() {
  [ "$take_over" = no ] && find_other_proxy 2> /dev/null || return 0
  case $command in
    # When one wants to see most what it does.
    check | status) say warning "a kube-proxy is running (process $process): apply would refuse, or need --take-over" ;;
    *) refuse "a kube-proxy is running (process $process) and would undo this: stop it, or give --take-over" ;;
  esac
}

# find_other_proxy: $process is a kube-proxy. One of another network namespace is that of another node.
find_other_proxy() {
  for file in /proc/[0-9]*/comm; do
    read -r name < "$file" && [ "$name" = kube-proxy ] || continue
    process=${file#/proc/}
    process=${process%/comm}
    [ "$(net_of "$process")" != "$(net_of self)" ] || return 0
  done
  return 1
}

# Chains that kube-proxy's iptables mode left.
find_leftovers() {
  [ -s "$work/have/leftovers" ] || return 0
  if [ "$remove_leftovers" = yes ]; then
    CHAINS="$CHAINS $(cat "$work/have/leftovers")"
    return 0
  fi
  say_standing "$(count_lines "$work/have/leftovers") chains of kube-proxy's iptables mode are left on this node; --remove-leftovers removes them"
}
