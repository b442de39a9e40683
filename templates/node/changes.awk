# The line from its field n on.
function after(n,   i, start) {
  for (i = start = 1; i < n; i++) start += length($i) + 1
  return substr($0, start)
}
function host(service) {
  sub(/^[^ ]+ /, "", service)
  sub(/:[0-9]+$/, "", service)
  gsub(/[][]/, "", service)
  return service
}
function prefix(address) { return address (address ~ /\// ? "" : address ~ /:/ ? "/128" : "/32") }
# What an entry has besides its element; an entry that somebody let time out has the time of its set.
function particulars(   text) {
  text = " " after(4)
  sub(/ timeout/, "", text)
  return text
}
function bare(address) { sub(/\/.*/, "", address); return address }
function put(file, line) { print line > (out "/" file) }
function count(name, n) {
  if (!(n > 0)) return
  counted = counted (counted == "" ? "" : json == "yes" ? "," : ", ")
  if (json == "yes") { counted = counted "\"" name "\":" n; return }
  gsub(/[A-Z]/, " &", name)
  counted = counted n " " tolower(name)
}
# Where a virtual server and its real servers are added: all of one in one payload.
function making(service) {
  if (new_virtuals + new_reals < many) return "ipvs.1"
  if (!(service in side)) side[service] = sides++ % 2 ? "ipvs.1.beside" : "ipvs.1"
  return side[service]
}
function strict(set) { return index(" " strict_sets " ", " " set " ") > 0 }
function bound(set) { return index(" " bound_sets " ", " " set " ") > 0 }
# An entry that exempts from another set, which has it before and after.
function exempts(set, entry, fresh) { return (set in exempted) && !((exempted[set] " " entry) in fresh) }
BEGIN {
  pairs = split(exemptions, pair, " ")
  for (i = 1; i <= pairs; i++) { split(pair[i], names, ":"); exempted[names[1]] = names[2] }
}
# The rules of a chain while both states are in force: those of both, each in its order.
function merge(name,   i, j, n, text) {
  i = j = 1
  while (i <= old_rules[name] || j <= new_rules[name]) {
    text = old_rule[name, i]
    if (i > old_rules[name]) text = new_rule[name, j++]
    else if (j <= new_rules[name] && text == new_rule[name, j]) { i++; j++ }
    else if (j <= new_rules[name] && comes_later(name, text, j)) text = new_rule[name, j++]
    else i++
    merged[name, ++n] = text
  }
  merged_rules[name] = n
  grows[name] = n != old_rules[name] || !(name in known_chain)
  shrinks[name] = n != new_rules[name]
}
function comes_later(name, text, from,   j) {
  if (!((name, text) in wanted_rule)) return 0
  for (j = from + 1; j <= new_rules[name]; j++) if (new_rule[name, j] == text) return 1
  return 0
}
# Seconds that real servers which leave may keep connections. Who is wanted, but says nothing, said so on purpose.
function patience(service) {
  if (("wanted", service) in own_timeout) return own_timeout["wanted", service]
  if ((service in was_virtual) && !(service in is_virtual) && (("known", service) in own_timeout))
    return own_timeout["known", service]
  return drain_timeout
}
function power_of_two(from, n) { while (from < n) from *= 2; return from }
function buckets(n) { return power_of_two(1024, n / 2) }
function maximum(text) { return match(text, / maxelem [0-9]+/) ? substr(text, RSTART + 9, RLENGTH - 9) + 0 : 0 }
# Kernels differ by a few in when a set is full.
function is_crowded(n, size) { return size > 0 && n * 17 / 16 > size }
# What a set has only in the old state and loses first, or only in the new one and gets last.
function out_of_turn(set, entry,   id) {
  id = set " " entry
  return (id in was_entry) && exempts(set, entry, was_entry) || (id in is_entry) && exempts(set, entry, is_entry)
}
function leaves_set(set, entry,   id) {
  id = set " " entry
  return (id in was_entry) && !(id in held)
}
# Fills a set aside with what both states have in it, or with what is to stay, and puts it in its place.
function replace(file, set, text, everything,   i, n, stays) {
  for (i = 1; i <= lines[set]; i++)
    if (!(everything ? out_of_turn(set, line[set, i]) : leaves_set(set, line[set, i]))) stays[++n] = line[set, i]
  # With what comes last, too.
  if (everything && is_crowded(lines[set], maximum(text)))
    sub(/maxelem [0-9]+/, "maxelem " power_of_two(maximum(text), lines[set] * 17 / 16), text)
  sub(/^[^ ]+/, "ipvsc-tmp", text)
  put(file, "create " text (text ~ / hash:/ ? " hashsize " buckets(n) : ""))
  for (i = 1; i <= n; i++) put(file, "add ipvsc-tmp " stays[i])
  put(file, "swap ipvsc-tmp " set "\ndestroy ipvsc-tmp")
}

part == "timeouts" { own_timeout[$1, $2 " " $3] = $4; next }
part == "draining" { deadline[$1 " " $2 " " $3] = $4; next }
part == "connections" {
  if ($1 == "->") { if (service != "" && $5 + $6 > 0) busy[service " " $2] = 1 }
  else service = $1 == "TCP" ? "-t " $2 : ""
  next
}
part == "removed" {
  if ($1 == "virtual") { was_virtual[$2 " " $3] = $0; old_virtual[++old_virtuals] = $2 " " $3 }
  else if ($1 == "real") { was_real[$2 " " $3 " " $4] = $0; old_real[++old_reals] = $2 " " $3 " " $4 }
  else if ($1 == "address") { old_address[++old_addresses] = $2; bound_as[bare($2)] = $2 }
  # What has particulars goes with the set as a whole.
  else if ($1 == "entry" && NF > 3) { particular[$2] = 1; lost_entries++ }
  else if ($1 == "entry") { old_entry[++old_entries] = $2 " " $3; was_entry[$2 " " $3] = 1; loses[$2]++ }
  else if ($1 == "set") was_set[$2] = 1
  else if ($1 == "link") was_link = 1
  else if ($1 == "jump") old_jump[++old_jumps] = after(2)
  else if ($1 == "rule") changed[$2 " " $3 " " $4] = 1
  else if ($1 == "chain") gone[$2 " " $3 " " $4] = 1
  next
}
part == "added" {
  if ($1 == "virtual") { new_virtual[++new_virtuals] = after(2); is_virtual[$2 " " $3] = 1 }
  else if ($1 == "real") {
    new_real[++new_reals] = $2 " " $3 " " $4
    is_real[$2 " " $3 " " $4] = after(5)
  }
  else if ($1 == "address") new_address[++new_addresses] = $2
  else if ($1 == "entry") {
    new_entry[++new_entries] = $2 " " $3
    if (NF > 3) { particular[$2] = 1; words_of[new_entries] = particulars() }
    is_entry[$2 " " $3] = 1
    gains[$2]++
  }
  else if ($1 == "set") { new_set[++new_sets] = $2; create[$2] = after(2) }
  else if ($1 == "link") is_link = 1
  else if ($1 == "jump") { wanted_jump[after(2)]++; new_jumps++ }
  else if ($1 == "rule" || $1 == "chain") changed[$2 " " $3 " " $4] = 1
  else if ($1 == "sysctl") { put("sysctls", $2 " = " after(3)); settings++ }
  else if ($1 == "timeout") { timeout[$2] = $3; timeouts++ }
  next
}
part == "rules" {
  at = $2 " " $3
  name = at " " $4
  if ($1 == "chain" && (name in changed)) { chain[at, ++chains[at]] = $4; total_chains++ }
  else if ($1 == "rule" && (name in changed)) { text = after(6); new_rule[name, ++new_rules[name]] = text; wanted_rule[name, text]++ }
  else if ($1 == "jump" && wanted_jump[after(2)] > 0) {
    wanted_jump[after(2)]--
    jump[at, ++jumps[at]] = after(4)
  }
  next
}
part == "old rules" {
  name = $2 " " $3 " " $4
  if ($1 == "chain") known_chain[name] = 1
  if ($1 == "rule" && (name in changed)) old_rule[name, ++old_rules[name]] = after(6)
  next
}
# What both states have in a set; where the wanted one, which comes later, is not new, it is as large as before.
part ~ /content$/ && $1 == "entry" {
  # Others may have put particulars to what is held: nomatch, a comment.
  if (NF > 3 && part == "content") next
  if (!(($2, $3) in content)) content[$2, $3] = ++lines[$2]
  line[$2, content[$2, $3]] = $3 (NF > 3 ? particulars() : "")
}
part ~ /content$/ && $1 == "set" { parameters[$2] = after(2); room[$2] = maximum($0) }

END {
  # Without the interface, no address can stay.
  if (was_link) mode = "exact"

  # Real servers that leave: whoever has connections stays, at weight 0, and with it what leads to it.
  for (i = 1; i <= old_reals; i++) {
    key = old_real[i]
    if (key in is_real) continue
    split(key, field, " ")
    service = field[1] " " field[2]
    if (mode == "retire" && (key in busy) && (!(key in deadline) || now < deadline[key])) {
      put("draining", key " " ((key in deadline) ? deadline[key] : now + patience(service)))
      text = was_real[key]
      sub(/-w [0-9]+/, "-w 0", text)
      put("retained", text)
      keeps[service] = 1
      kept[host(service)] = 1
      if (text != was_real[key]) {
        sub(/^real [^ ]+ [^ ]+ [^ ]+ /, "", text)
        weaken[++weakened] = "-e " service " -r " field[3] " " text
      }
      continue
    }
    dropped++
    drop[dropped] = "-d " service " -r " field[3]
    drop_of[dropped] = service
    if (field[1] == "-u") flush[++flushes] = service " " field[3]
  }

  # Sets: new ones are filled before anything names them; one of other parameters is filled aside and swapped.
  for (i = 1; i <= new_sets; i++) {
    set = new_set[i]
    if (set in was_set) swapped[set] = create[set]
    else put("sets.1", "create " create[set] (create[set] ~ / hash:/ ? " hashsize " buckets(gains[set]) : ""))
  }
  # Where what leaves and what comes have no room side by side, the set is larger until the end.
  for (set in parameters)
    if ((set in gains) && !(set in create) && is_crowded(lines[set], room[set])) swapped[set] = parameters[set]
  for (set in particular)
    if ((set in parameters) && !(set in create) && !(set in was_set)) swapped[set] = parameters[set]
  for (set in swapped) {
    if (is_crowded(lines[set], maximum(swapped[set]))) shrunk[set] = swapped[set]
  }
  # Where more goes than stays, filling another one takes less than emptying it.
  for (set in parameters)
    if (loses[set] >= many && 2 * loses[set] > lines[set] && !(set in create) && !(set in exempted)) shrunk[set] = parameters[set]
  for (i = 1; i <= old_entries; i++) {
    split(old_entry[i], field, " ")
    if (!exempts(field[1], field[2], was_entry) || (field[1] in was_set) && !(field[1] in create)) continue
    if (!(field[1] in swapped)) put("sets.1", "del " old_entry[i])
    deleted[i] = 1
    lost_entries++
  }
  for (late = 0; late <= 1; late++) {
    for (set in swapped) if (strict(set) == late) replace("sets.1", set, swapped[set], 1)
    for (i = 1; i <= new_entries; i++) {
      split(new_entry[i], field, " ")
      exempting = exempts(field[1], field[2], is_entry)
      if (strict(field[1]) != late || (field[1] in swapped) && !exempting) continue
      put(exempting ? "sets.2" : "sets.1", "add " new_entry[i] words_of[i])
    }
  }

  # Rules: one transaction a table. What a chain is to lose stays until those that need it have left.
  families_listed = split(families, family, " ")
  tables = split("nat filter mangle", table, " ")
  for (f = 1; f <= families_listed; f++)
    for (t = 1; t <= tables; t++) {
      at = family[f] " " table[t]
      file = "rules.1." family[f]
      declared = text = ""
      for (i = 1; i <= chains[at]; i++) {
        name = at " " chain[at, i]
        merge(name)
        if (!grows[name]) continue
        declared = declared ":" chain[at, i] " - [0:0]\n"
        for (j = 1; j <= merged_rules[name]; j++) text = text "-A " chain[at, i] " " merged[name, j] "\n"
      }
      for (i = 1; i <= jumps[at]; i++) text = text "-I " jump[at, i] "\n"
      if (declared text != "") put(file, "*" table[t] "\n" declared text "COMMIT")
    }

  # IPVS: virtual servers before their real servers.
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

  # The first address of a network would take the others with it.
  for (i = 1; i <= old_addresses; i++)
    if (old_address[i] ~ /\./ && old_address[i] ~ /\//) promote = 1
  if (promote && !was_link) put("sysctls", "net.ipv4.conf." dummy ".promote_secondaries = 1")

  # The addresses that attract traffic.
  if (is_link) put("ip.1", "link add name " dummy " type dummy")
  for (i = 1; i <= new_addresses; i++) {
    # The same one, of another network: IPv6 does not have both.
    address = bare(new_address[i])
    if (address ~ /:/ && (address in bound_as)) {
      put("ip.1", "addr del " prefix(bound_as[address]) " dev " dummy)
      rebound[bound_as[address]] = 1
    }
    put("ip.1", "addr add " prefix(new_address[i]) " dev " dummy)
  }

  # What breaks, address first.
  if (was_link) put("ip.2", "link del dev " dummy)
  for (i = 1; i <= old_addresses; i++) {
    address = old_address[i]
    if (bare(address) in kept) { put("retained", "address " address); continue }
    lost_addresses++
    if (!was_link && !(address in rebound)) put("ip.2", "addr del " prefix(address) " dev " dummy)
  }
  for (i = 1; i <= old_virtuals; i++) {
    service = old_virtual[i]
    if (service in is_virtual) continue
    if (service in keeps) put("retained", was_virtual[service])
    else leaves[service] = 1
  }
  # With nothing to do in between, one process does both.
  breaking = new_addresses + old_addresses + is_link + was_link + sides > 0 ? "ipvs.2" : "ipvs.1"
  for (i = 1; i <= weakened; i++) put(breaking, weaken[i])
  for (i = 1; i <= dropped; i++) if (!(drop_of[i] in leaves)) put(breaking, drop[i])
  for (i = 1; i <= old_virtuals; i++)
    if (old_virtual[i] in leaves) { put(breaking, "-D " old_virtual[i]); lost_virtuals++ }

  for (f = 1; f <= families_listed; f++)
    for (t = 1; t <= tables; t++) {
      at = family[f] " " table[t]
      file = "rules.2." family[f]
      declared = text = ""
      for (i = 1; i <= chains[at]; i++) {
        name = at " " chain[at, i]
        if (!shrinks[name]) continue
        declared = declared ":" chain[at, i] " - [0:0]\n"
        for (j = 1; j <= new_rules[name]; j++) text = text "-A " chain[at, i] " " new_rule[name, j] "\n"
      }
      for (i = 1; i <= old_jumps; i++)
        if (index(old_jump[i], at " ") == 1) text = text "-D " substr(old_jump[i], length(at) + 2) "\n"
      for (name in gone)
        if (index(name, at " ") == 1) {
          declared = declared ":" substr(name, length(at) + 2) " - [0:0]\n"
          text = text "-X " substr(name, length(at) + 2) "\n"
          lost_chains++
        }
      if (declared text != "") put(file, "*" table[t] "\n" declared text "COMMIT")
    }

  for (late = 1; late >= 0; late--) {
    for (i = 1; i <= old_entries; i++) {
      split(old_entry[i], field, " ")
      # The same element with other particulars took its place, with its set.
      if (strict(field[1]) != late || (i in deleted) || (old_entry[i] in is_entry)) continue
      gone_set = (field[1] in was_set) && !(field[1] in create)
      if (bound(field[1]) && (field[2] in kept) && !gone_set) {
        put("retained", "entry " old_entry[i])
        held[old_entry[i]] = 1
        continue
      }
      lost_entries++
      if (!gone_set && !(field[1] in shrunk)) put("sets.2", "del " old_entry[i])
    }
    for (set in shrunk) if (strict(set) == late) replace("sets.2", set, shrunk[set], 0)
  }
  for (set in was_set) if (!(set in create)) { put("sets.2", "destroy " set); lost_sets++ }
  for (i = 1; i <= flushes; i++) put("conntrack", flush[i])

  count("settings", settings)
  count("timeouts", timeouts)
  count("setsAdded", new_sets)
  count("setsRemoved", lost_sets)
  count("entriesAdded", new_entries)
  count("entriesRemoved", lost_entries)
  count("chainsWritten", total_chains)
  count("chainsRemoved", lost_chains)
  count("jumpsAdded", new_jumps)
  count("jumpsRemoved", old_jumps)
  count("virtualServersAdded", new_virtuals - edited_virtuals)
  count("virtualServersEdited", edited_virtuals)
  count("virtualServersRemoved", lost_virtuals)
  count("realServersAdded", new_reals - edited_reals)
  count("realServersEdited", edited_reals)
  count("realServersRetired", weakened)
  count("realServersRemoved", dropped)
  count("addressesAdded", new_addresses)
  count("addressesRemoved", lost_addresses)
  count("linksAdded", is_link)
  count("linksRemoved", was_link)
  if (counted != "") put("counts", counted)
  put("growth", new_virtuals - edited_virtuals + new_reals - edited_reals - lost_virtuals - dropped)
}
