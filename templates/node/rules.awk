# Lays out the payloads of rules: one transaction a table. part: removed, added, "old rules" (those that are held), rules (those that
# are wanted), both in order. To rules.1.FAMILY chains that gain rules, with those of both, and jumps; to rules.2.FAMILY, when
# everything that needs them has left, chains that lose rules, and what goes.

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
}
function comes_later(name, text, from,   j) {
  if (!((name, text) in wanted_rule)) return 0
  for (j = from + 1; j <= new_rules[name]; j++) if (new_rule[name, j] == text) return 1
  return 0
}
# Chains are declared before any rule of their table.
function write_chain(chain, rule, rules, name,   i) {
  declared = declared ":" chain " - [0:0]\n"
  for (i = 1; i <= rules[name]; i++) text = text "-A " chain " " rule[name, i] "\n"
}
function close_table(file, table) {
  if (declared text != "") put(file, "*" table "\n" declared text "COMMIT")
  declared = text = ""
}
function lay_out(family, table,   at, i, name) {
  at = family " " table
  for (i = 1; i <= chains[at]; i++) {
    name = at " " chain[at, i]
    merge(name)
    if (merged_rules[name] != old_rules[name] || !(name in known_chain)) write_chain(chain[at, i], merged, merged_rules, name)
  }
  for (i = 1; i <= jumps[at]; i++) text = text "-I " jump[at, i] "\n"
  close_table("rules.1." family, table)

  for (i = 1; i <= chains[at]; i++) {
    name = at " " chain[at, i]
    if (merged_rules[name] != new_rules[name]) write_chain(chain[at, i], new_rule, new_rules, name)
  }
  for (i = 1; i <= old_jumps[at]; i++) text = text "-D " old_jump[at, i] "\n"
  for (i = 1; i <= gone[at]; i++) {
    declared = declared ":" gone_chain[at, i] " - [0:0]\n"
    text = text "-X " gone_chain[at, i] "\n"
  }
  close_table("rules.2." family, table)
}

{ at = $2 " " $3; name = at " " $4 }
(part == "removed" || part == "added") && $1 == "rule" { changed[name] = 1 }
part == "removed" && $1 == "chain" { gone_chain[at, ++gone[at]] = $4; lost_chains++ }
part == "removed" && $1 == "jump" { old_jump[at, ++old_jumps[at]] = after(4); lost_jumps++ }
part == "added" && $1 == "chain" { changed[name] = 1 }
part == "added" && $1 == "jump" { wanted_jump[after(2)]++; new_jumps++ }
part == "old rules" && $1 == "chain" { known_chain[name] = 1 }
part == "old rules" && $1 == "rule" && (name in changed) { old_rule[name, ++old_rules[name]] = after(6) }
part == "rules" && $1 == "chain" && (name in changed) { chain[at, ++chains[at]] = $4; written_chains++ }
part == "rules" && $1 == "rule" && (name in changed) {
  new_rule[name, ++new_rules[name]] = after(6)
  wanted_rule[name, after(6)] = 1
}
part == "rules" && $1 == "jump" && wanted_jump[after(2)] > 0 {
  wanted_jump[after(2)]--
  jump[at, ++jumps[at]] = after(4)
}

END {
  families_listed = split(families, family, " ")
  tables = split("nat filter mangle", table, " ")
  for (f = 1; f <= families_listed; f++) for (t = 1; t <= tables; t++) lay_out(family[f], table[t])
  count("chainsWritten", written_chains)
  count("chainsRemoved", lost_chains)
  count("jumpsAdded", new_jumps)
  count("jumpsRemoved", lost_jumps)
}
