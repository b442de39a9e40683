# What "nft --debug=netlink -a list table" says: the rules in front, as expressions, then the table. Prints the rules that
# hold expressions which iptables does not know, three at most.
BEGIN {
  known = " match target payload meta cmp bitwise counter immediate lookup range limit log "
}
$1 == family && $2 == table && NF >= 4 && !listing { chain = $3; handle = $4; next }
$1 == "[" && !listing {
  if (!index(known, " " $2 " ") && !(handle in native)) native[handle] = chain
  next
}
$1 == "table" { listing = 1 }
listing && / # handle [0-9]+$/ && ($NF in native) && !/^[\t ]*(chain|table) / {
  text = $0
  sub(/ # handle [0-9]+$/, "", text)
  sub(/^[\t ]+/, "", text)
  if (++n <= 3) printf "%s chain %s: %s", (n > 1 ? ";" : ","), native[$NF], text
}
