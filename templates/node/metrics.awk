function hexadecimal(text,   i, value) {
  for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789ABCDEF", substr(text, i, 1)) - 1
  return value + 0
}
function head(name, type, help) { printf "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type }
function metric(name, type, help, value) {
  head(name, type, help)
  printf "%s %.0f\n", name, value
}
function quoted(text) {
  gsub(/[^A-Za-z0-9_. -]/, "", text)
  return "\"" text "\""
}
part == "record" { record[$1] = $2; if ($1 == "run") { result = $0; sub(/^run [^ ]* /, "", result) } }
part == "overall" && NF == 5 && /^[0-9A-F ]+$/ && !overall { overall = 1; for (i = 1; i <= 5; i++) total[i] = hexadecimal($i) }
part == "ipset" && $1 == "create" {
  sets[++set_count] = $2
  for (i = 4; i < NF; i++) if ($i == "maxelem") most[$2] = $(i + 1)
  for (i = 4; i < NF; i++) if ($i == "range") { split($(i + 1), range, "-"); most[$2] = 1 + range[2] - range[1] }
}
part == "ipset" && $1 == "add" { entries[$2]++ }
part == "load" && /^(TCP|UDP|SCTP|FWM) / { virtual++ }
part == "load" && $1 == "->" && $2 != "RemoteAddress:Port" {
  real++
  if ($3 > 0 && served != virtual) { served = virtual; with_servers++ }
}
END {
  head("ipvsc_build_info", "gauge", "Version of ipvsc that wrote these metrics.")
  printf "ipvsc_build_info{version=%s} 1\n", quoted(version)
  if ("fingerprint" in record) {
    head("ipvsc_bundle_info", "gauge", "Fingerprint of the bundle that the node should hold.")
    printf "ipvsc_bundle_info{fingerprint=%s} 1\n", quoted(record["fingerprint"])
  }
  if ("time" in record)
    metric("ipvsc_last_run_timestamp_seconds", "gauge", "When the script was last run, of runs that may change something.", record["time"])
  if ("run" in record) {
    head("ipvsc_last_run_result", "gauge", "How the last run ended: the result that it reported has the value 1.")
    printf "ipvsc_last_run_result{command=%s,result=%s} 1\n", quoted(record["run"]), quoted(result)
  }
  if ("draining" in record)
    metric("ipvsc_draining_real_servers", "gauge", "Real servers that retired and keep the connections that they have.", record["draining"])
  if (set_count > 0) {
    head("ipvsc_set_entries", "gauge", "Entries of a set.")
    for (i = 1; i <= set_count; i++) if (sets[i] ~ /^KUBE-/) printf "ipvsc_set_entries{set=%s} %d\n", quoted(sets[i]), entries[sets[i]]
    head("ipvsc_set_max_entries", "gauge", "Entries that a set can hold.")
    for (i = 1; i <= set_count; i++) if (sets[i] ~ /^KUBE-/) printf "ipvsc_set_max_entries{set=%s} %d\n", quoted(sets[i]), most[sets[i]]
  }
  if ("conntrack_count" in record)
    metric("ipvsc_conntrack_entries", "gauge", "Entries of the connection tracking table.", record["conntrack_count"])
  if ("conntrack_max" in record)
    metric("ipvsc_conntrack_max_entries", "gauge", "Entries that the connection tracking table can hold.", record["conntrack_max"])
  metric("ipvsc_virtual_servers", "gauge", "Virtual servers of the node.", virtual)
  metric("ipvsc_real_servers", "gauge", "Real servers of all virtual servers.", real)
  metric("ipvsc_virtual_servers_without_real_servers", "gauge", "Virtual servers that have no real server, or none with a weight: connections are refused.", virtual - with_servers)
  if (!overall) exit
  metric("ipvsc_connections_total", "counter", "Connections of the node.", total[1])
  metric("ipvsc_incoming_packets_total", "counter", "Packets to the node.", total[2])
  metric("ipvsc_outgoing_packets_total", "counter", "Packets from the node.", total[3])
  metric("ipvsc_incoming_bytes_total", "counter", "Bytes to the node.", total[4])
  metric("ipvsc_outgoing_bytes_total", "counter", "Bytes from the node.", total[5])
}
