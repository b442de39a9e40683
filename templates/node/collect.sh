# --- collect: what a diagnosis needs, to be carried off ---------------------------------------------------------

# collect_node: lists of the node in one archive, or in a folder where there is no tar. No list holds what is secret: of the
# bundle only its values are taken, and of settings those of the network. What could not be listed is named in it.
collect_node() {
  read -r hostname < /proc/sys/kernel/hostname
  stamp=$(date -u '+%Y%m%dT%H%M%SZ')
  case $hostname in *[!A-Za-z0-9.-]*) hostname=node ;; esac
  label=ipvsc-$hostname-$stamp
  out=${out:-$PWD/$label.tar.gz}
  [ ! -e "$out" ] || refuse "$out exists: --out names another file"
  folder=$work/$label
  mkdir "$folder" || refuse "cannot write to $work: is there room?"
  problem="cannot write to $work: is there room?"
  true > "$folder/missing" || refuse_for_problem
  collect_lists
  collect_texts
  if [ "${out%.tar.gz}" != "$out" ] && has tar; then
    (cd "$work" && limited tar czf - "$label") > "$work/archive" || refuse "cannot pack what was collected: is there room in ${work%/*}?"
    call 'write the archive' cp "$work/archive" "$out" || refuse_for_problem
  else
    out=${out%.tar.gz}
    call 'write the folder' cp -r "$folder" "$out" || refuse_for_problem
  fi
  missing=$(count_lines "$folder/missing")
  [ "$missing" -eq 0 ] || say note "$missing lists could not be made; the file \"missing\" in it says which and why"
  if [ "$json" = yes ]; then
    printf '{"event":"collected","path":%s,"missing":%d}\n' "$(json_string "$out")" "$missing"
  else
    printf '%s\n' "$out"
  fi
}

# list_into FILE COMMAND...: a list, or why there is none.
list_into() {
  file=$1
  shift
  if ! has "$1"; then
    printf '%s: %s is not installed\n' "$file" "$1" >> "$folder/missing"
  elif ! call "$1" "$@" > "$folder/$file" < /dev/null; then
    printf '%s: %s\n' "$file" "$problem" >> "$folder/missing"
  fi
}

# The names are those that "ipvsc capture" and "ipvsc stats" look for.
collect_lists() {
  list_into ipvsadm-save ipvsadm -S -n
  list_into ipvsadm-thresholds ipvsadm -L -n --thresholds
  list_into ipvsadm-stats ipvsadm -L -n --stats --exact
  list_into ipvsadm-rate ipvsadm -L -n --rate --exact
  list_into ipvsadm-persistent-conn ipvsadm -L -n --persistent-conn
  list_into ipvsadm-timeouts ipvsadm -L --timeout
  [ "$with_connections" = no ] || list_into ipvsadm-connections ipvsadm -L -n -c
  list_into ipset-save ipset save
  (choose_flavour > /dev/null 2>&1 && printf '%s %s\n' "$flavour" "$variant") > "$work/flavour" || true > "$work/flavour"
  { read -r flavour variant < "$work/flavour"; } 2> /dev/null || variant=''
  printf '%s\n' "${flavour:-unknown}" > "$folder/iptables-flavour"
  list_into iptables-save "iptables$variant-save"
  list_into ip6tables-save "ip6tables$variant-save"
  list_into ip-addr.json ip -j -d addr
  list_into ip-route ip route show table all
  list_into sysctl sysctl -a -r '^net\.(ipv4\.(vs|ip_forward|conf)|ipv6\.conf\..*\.forwarding|bridge|netfilter\.nf_conntrack)'
}

# Texts of the kernel, and the record of what ran.
collect_texts() {
  for path in /proc/net/ip_vs_stats /proc/sys/kernel/osrelease /proc/modules; do
    { cat "$path" > "$folder/${path##*/}"; } 2> /dev/null || printf '%s: it is not there\n' "${path##*/}" >> "$folder/missing"
  done
  for name in log standing draining; do
    [ ! -f "$state/$name" ] || { cat "$state/$name" > "$folder/$name"; } 2> /dev/null ||
      printf '%s: it cannot be read\n' "$name" >> "$folder/missing"
  done
  find_runs
  [ ! -f "$last/after/fingerprint" ] || { cat "$last/after/fingerprint" > "$folder/fingerprint"; } 2> /dev/null
  print_facts > "$folder/facts.json" 2> /dev/null || printf 'facts.json: it could not be made\n' >> "$folder/missing"
}
