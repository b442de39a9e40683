# Lays out the payloads of virtual and real servers. part: timeouts (seconds that they may drain), draining (deadlines of those that
# do), connections (what ipvsadm lists), removed, added. To ipvs.1 what is made, virtual servers before their real servers, and to
# ipvs.2 what breaks; to conntrack what has to be flushed, to growth how many more lines IPVS will list. Who stays for its
# connections: to draining with its deadline, to retained as it is kept, and the address of its virtual server to kept.

function host(service) {
  sub(/^[^ ]+ /, "", service)
  sub(/:[0-9]+$/, "", service)
  gsub(/[][]/, "", service)
  return service
}
# Where a virtual server and its real servers are added: all of one in one payload.
function making(service) {
  if (new_virtuals + new_reals < many) return "ipvs.1"
  if (!(service in side)) side[service] = sides++ % 2 ? "ipvs.1.beside" : "ipvs.1"
  return side[service]
}
# Seconds that real servers which leave may keep connections. Who is wanted, but says nothing, said so on purpose.
function patience(service) {
  if (("wanted", service) in own_timeout) return own_timeout["wanted", service]
  if ((service in was_virtual) && !(service in is_virtual) && (("known", service) in own_timeout))
    return own_timeout["known", service]
  return drain_timeout
}
# Whether a real server that leaves stays for its connections.
function stays(key) { return mode == "retire" && (key in busy) && (!(key in deadline) || now < deadline[key]) }
# It stays at weight 0, and with it what leads to it.
function retire(key, service, address,   text) {
  put("draining", key " " ((key in deadline) ? deadline[key] : now + patience(service)))
  text = was_real[key]
  sub(/-w [0-9]+/, "-w 0", text)
  put("retained", text)
  put("kept", host(service))
  keeps[service] = 1
  if (text == was_real[key]) return
  sub(/^real [^ ]+ [^ ]+ [^ ]+ /, "", text)
  weaken[++weakened] = "-e " service " -r " address " " text
}

part == "timeouts" { own_timeout[$1, $2 " " $3] = $4; next }
part == "draining" { deadline[$1 " " $2 " " $3] = $4; next }
part == "connections" {
  if ($1 == "->") { if (service != "" && $5 + $6 > 0) busy[service " " $2] = 1 }
  else service = $1 == "TCP" ? "-t " $2 : ""
  next
}
$1 == "link" || $1 == "address" { between = 1 }
part == "removed" {
  if ($1 == "virtual") { was_virtual[$2 " " $3] = $0; old_virtual[++old_virtuals] = $2 " " $3 }
  else if ($1 == "real") { was_real[$2 " " $3 " " $4] = $0; old_real[++old_reals] = $2 " " $3 " " $4 }
  # Without the interface, no address can stay.
  else if ($1 == "link") mode = "exact"
}
part == "added" {
  if ($1 == "virtual") { new_virtual[++new_virtuals] = after(2); is_virtual[$2 " " $3] = 1 }
  else if ($1 == "real") { new_real[++new_reals] = $2 " " $3 " " $4; is_real[$2 " " $3 " " $4] = after(5) }
  else if ($1 == "timeout") { timeout[$2] = $3; timeouts++ }
}

END {
  for (i = 1; i <= old_reals; i++) {
    key = old_real[i]
    if (key in is_real) continue
    split(key, field, " ")
    service = field[1] " " field[2]
    if (stays(key)) { retire(key, service, field[3]); continue }
    drop[++dropped] = "-d " service " -r " field[3]
    drop_of[dropped] = service
    if (field[1] == "-u") put("conntrack", service " " field[3])
  }

  if (timeouts > 0) put("ipvs.1", "--set " timeout["tcp"] + 0 " " timeout["tcpfin"] + 0 " " timeout["udp"] + 0)
  for (i = 1; i <= new_virtuals; i++) {
    split(new_virtual[i], field, " ")
    edit = (field[1] " " field[2]) in was_virtual
    put(making(field[1] " " field[2]), (edit ? "-E " : "-A ") new_virtual[i])
    if (edit) edited_virtuals++
  }
  for (i = 1; i <= new_reals; i++) {
    key = new_real[i]
    split(key, field, " ")
    edit = key in was_real
    put(making(field[1] " " field[2]), (edit ? "-e " : "-a ") field[1] " " field[2] " -r " field[3] " " is_real[key])
    if (edit) edited_reals++
  }

  for (i = 1; i <= old_virtuals; i++) {
    service = old_virtual[i]
    if (service in is_virtual) continue
    if (service in keeps) put("retained", was_virtual[service])
    else leaves[service] = 1
  }
  # With nothing to do in between, one process does both.
  breaking = between || sides > 0 ? "ipvs.2" : "ipvs.1"
  for (i = 1; i <= weakened; i++) put(breaking, weaken[i])
  # What goes takes its real servers with it.
  for (i = 1; i <= dropped; i++) if (!(drop_of[i] in leaves)) put(breaking, drop[i])
  for (i = 1; i <= old_virtuals; i++)
    if (old_virtual[i] in leaves) { put(breaking, "-D " old_virtual[i]); lost_virtuals++ }
  put("growth", new_virtuals - edited_virtuals + new_reals - edited_reals - lost_virtuals - dropped)

  count("virtualServersAdded", new_virtuals - edited_virtuals)
  count("virtualServersEdited", edited_virtuals)
  count("virtualServersRemoved", lost_virtuals)
  count("realServersAdded", new_reals - edited_reals)
  count("realServersEdited", edited_reals)
  count("realServersRetired", weakened)
  count("realServersRemoved", dropped)
}
