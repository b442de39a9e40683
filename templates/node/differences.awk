# Lines that only one of two states has (part: removed, added), for people: rules that stand in both are not shown because
# they have another place. Prints "-" or "+" and the line.
function rule_text(   at) { at = index($0, " " $5 " "); return substr($0, at + length($5) + 2) }
$1 != "rule" { other[++others] = (part == "removed" ? "-" : "+") " " $0; next }
{
  chain = $2 " " $3 " " $4
  if (!(chain in seen)) { seen[chain] = 1; chains[++chain_count] = chain }
  n = ++count[part, chain]
  text[part, chain, n] = rule_text()
  full[part, chain, n] = $0
}
END {
  for (i = 1; i <= others; i++) print other[i]
  for (i = 1; i <= chain_count; i++) show(chains[i])
}
# Pairs rules of the same text in their order, and shows what has no partner, or one that stands before an earlier pair.
function show(chain,   i, j, at, old, fresh) {
  old = count["removed", chain] + 0
  fresh = count["added", chain] + 0
  at = 0
  for (i = 1; i <= old; i++) {
    for (j = at + 1; j <= fresh && text["added", chain, j] != text["removed", chain, i]; j++);
    if (j > fresh || skips(chain, i, at + 1, j - 1, old)) { print "- " full["removed", chain, i]; continue }
    for (at++; at < j; at++) print "+ " full["added", chain, at]
  }
  for (at++; at <= fresh; at++) print "+ " full["added", chain, at]
}
# Whether pairing a rule with one further down would leave out, of those between, more than it finds.
function skips(chain, i, from, to, old,   j, k, lost) {
  for (j = from; j <= to; j++)
    for (k = i + 1; k <= old; k++) if (text["removed", chain, k] == text["added", chain, j]) { lost++; break }
  return lost > 1
}
