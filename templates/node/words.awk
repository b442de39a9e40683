# Words of the programs that lay out payloads: they put them into files of the folder out, and print what they count.

# The line from its field n on.
function after(n,   i, start) {
  for (i = start = 1; i < n; i++) start += length($i) + 1
  return substr($0, start)
}
function bare(address) { sub(/\/.*/, "", address); return address }
function put(file, line) { print line >> (out "/" file) }
# How many of a kind: the word that programs read, the number, the words that people read.
function count(name, n,   words) {
  if (!(n > 0)) return
  words = name
  gsub(/[A-Z]/, " &", words)
  print name, n, tolower(words)
}
