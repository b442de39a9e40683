# --- facts ----------------------------------------------------------------------------------------------------

# What only the node knows, as one JSON document.
print_facts() {
  version_of() { json_string "$("$@" 2>&1 | awk 'END { print }')"; }
  printf '{\n  "version": 1,\n'
  read -r hostname < /proc/sys/kernel/hostname
  read -r release < /proc/sys/kernel/osrelease
  printf '  "hostname": %s,\n  "kernel": %s,\n' "$(json_string "$hostname")" "$(json_string "$release")"
  machine_mark
  printf '  "machine": %s,\n  "families": [' "$([ -n "$mark" ] && printf '"%s"' "$mark" || printf null)"
  separator=''
  for family in ipv4 ipv6; do
    has_family "$family" || continue
    printf '%s"%s"' "$separator" "$family"
    separator=', '
  done
  printf '],\n'
  printf '  "cores": %d,\n' "$(awk '/^processor/ { n++ } END { print n + 0 }' /proc/cpuinfo)"
  printf '  "interfaces": ['
  find_tool ip
  "$tool" -o addr show | awk '
    $3 == "inet" || $3 == "inet6" { printf "%s\n    {\"interface\": \"%s\", \"address\": \"%s\"}", (n++ ? "," : ""), $2, $4 }
    END { if (n) printf "\n  " }'
  printf '],\n  "tools": {\n'
  separator=''
  for tool in ipvsadm ipset iptables ip sysctl modprobe conntrack flock; do
    printf '%b    "%s": ' "$separator" "$tool"
    separator=',\n'
    has "$tool" || { printf null; continue; }
    case $tool in
      ip | iptables | conntrack | sysctl | modprobe | flock) option=-V ;;
      *) option=--version ;;
    esac
    find_tool "$tool"
    version_of "$tool" "$option"
  done
  printf '\n  },\n  "iptables": '
  (choose_flavour > /dev/null 2>&1 && json_string "$flavour") || printf null
  printf ',\n  "modules": ['
  find_tool modprobe
  separator=''
  for module in ip_vs nf_conntrack dummy br_netfilter sctp; do
    [ -d "/sys/module/$module" ] || "$tool" -n -q "$module" 2> /dev/null || continue
    printf '%s"%s"' "$separator" "$module"
    separator=', '
  done
  printf '],\n  "schedulers": ['
  separator=''
  for scheduler in $SCHEDULERS; do
    [ -d "/sys/module/ip_vs_$scheduler" ] || "$tool" -n -q "ip_vs_$scheduler" 2> /dev/null || continue
    printf '%s"%s"' "$separator" "$scheduler"
    separator=', '
  done
  printf '],\n  "settings": {'
  find_tool sysctl
  separator=''
  for name in net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.bridge.bridge-nf-call-iptables \
    net.bridge.bridge-nf-call-ip6tables net.ipv4.vs.conntrack net.netfilter.nf_conntrack_max; do
    value=$("$tool" -n "$name" 2> /dev/null) || value=null
    printf '%b\n    "%s": %s' "$separator" "$name" "${value:-null}"
    separator=','
  done
  printf '\n  }\n}\n'
}
