function uncounted(line) { return line ~ /^  ->/ ? substr(line, 1, length(line) - 22) : line }
function same(one, other,   n, i, from, to) {
  n = split(one, from, "\n")
  if (split(other, to, "\n") != n) return 0
  for (i = 1; i <= n; i++) if (from[i] != to[i] && uncounted(from[i]) != uncounted(to[i])) return 0
  return 1
}
BEGIN { RS = "P" }
(getline before < known) <= 0 || before != $0 && !same(before, $0) { differs = 1; exit }
{ listed += gsub(/\n/, "\n") }
END { exit differs || listed != lines || (getline before < known) > 0 }
