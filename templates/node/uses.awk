# What others use of that which is to go: rules (part: a family) and chains and sets (part: gone, come) of both states.
# Prints a line for each, and how often sets are used by rules to "uses".
function own_rule() { return (part "/" table "/" $2) in own_chain }
function own_jump() {
  return index(" PREROUTING INPUT FORWARD OUTPUT POSTROUTING ", " " $2 " ") && $(NF - 1) == "-j" && (part "/" table "/" $NF) in own_chain
}
part == "own" { for (i = 1; i <= NF; i++) own_chain[$i] = 1; next }
part == "gone" {
  if ($1 == "set") set_gone[$2] = $3 " " $5
  if ($1 == "chain") chain_gone[$2 "/" $3 "/" $4] = 1
  next
}
part == "come" {
  if ($1 != "set" || !($2 in set_gone)) next
  if (set_gone[$2] != $3 " " $5)
    print "set " $2 " is one of " set_gone[$2] " and not of " $3 " " $5 ": destroy it, with what uses it"
  delete set_gone[$2]
  next
}
/^\*/ { table = substr($1, 2) }
/^-A / {
  if (own_rule()) ours = 1
  else ours = own_jump()
  for (i = 3; i < NF; i++) {
    if (($i == "-j" || $i == "-g") && !ours && ((part "/" table "/" $(i + 1)) in chain_gone))
      print "chain " $(i + 1) " of table " table " (" part ") is used by a rule of others: " $0
    if ($i !~ /^--(match|add|del|map)-set$/ || !($(i + 1) in set_gone)) continue
    uses[$(i + 1)]++
    if (!ours) { print "set " $(i + 1) " is used by a rule of others: " $0; named[$(i + 1)] = 1 }
  }
}
END {
  for (set in set_gone) if (!(set in named)) print set, uses[set] + 0 > known
}
