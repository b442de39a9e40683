# Strikes a line off those that are wanted, or complains about it.
function found(line) {
  if (line in wanted) delete wanted[line]
  else print "\t" line
}
BEGIN {
  flag["TCP"] = "-t"
  flag["UDP"] = "-u"
  flag["SCTP"] = "--sctp-service"
  forwarding["Masq"] = "-m"
  forwarding["Route"] = "-g"
  forwarding["Tunnel"] = "-i"
}
part == "wanted" { wanted[$0] = 1 }
part == "wanted" || part == "gone" { if ($1 == "entry") touched[$2] = 1; next }
part == "servers" && $1 == "->" && service != "" { found("real " service " " $2 " " forwarding[$3] " -w " $4) }
part == "servers" && $1 != "->" { service = ($1 in flag) ? flag[$1] " " $2 : "" }
part == "ipset" && $1 == "add" && ($2 in touched) { found("entry " $2 " " $3) }
END { for (line in wanted) print line }
