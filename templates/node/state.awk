function listed(text, array,   names, n, i) {
  n = split(text, names, " ")
  for (i = 1; i <= n; i++) array[names[i]] = 1
  return n
}
function binary(value, width,   text) {
  for (text = ""; width > 0; width--) { text = (value % 2) text; value = int(value / 2) }
  return text
}
function hexadecimal(text,   i, value) {
  for (i = 1; i <= length(text); i++)
    value = value * 16 + index("0123456789abcdef", substr(tolower(text), i, 1)) - 1
  return value + 0
}
function groups(text,   parts, n, i, all) {
  n = text == "" ? 0 : split(text, parts, ":")
  for (i = 1; i <= n; i++) all = all binary(hexadecimal(parts[i]), 16)
  return all
}
function bits(address,   parts, i, text, head, tail) {
  if (address !~ /:/) {
    split(address, parts, ".")
    for (i = 1; i <= 4; i++) text = text binary(parts[i] + 0, 8)
    return text
  }
  i = index(address, "::")
  if (i == 0) return groups(address)
  head = groups(substr(address, 1, i - 1))
  tail = groups(substr(address, i + 2))
  while (length(head) + length(tail) < 128) head = head "0"
  return head tail
}
function family(address) { return address ~ /:/ ? "ipv6" : "ipv4" }
function excluded(address,   i, text) {
  text = bits(address)
  for (i = 1; i <= networks; i++)
    if (network_family[i] == family(address) && index(text, network[i]) == 1) return 1
  return 0
}
# Whether the virtual server at HOST:PORT is ours; remembered, since its real servers ask again.
function ours(flag, service,   address) {
  if (flag != "-t" && flag != "-u" && flag != "--sctp-service") return 0
  if (service == known && flag == known_flag) return known_ours
  known_flag = flag
  known = address = service
  sub(/:[0-9]+$/, "", address)
  gsub(/[][]/, "", address)
  known_ours = index(families, " " family(address) " ") > 0
  if (known_ours && networks > 0 && !((flag " " service) in included)) known_ours = !excluded(address)
  return known_ours
}
# What an entry has besides its element, without what changes by itself.
function particulars(   i, text) {
  for (i = 4; i <= NF; i++) {
    if ($i == "comment") return text substr($0, index($0, " comment "))
    if ($i == "timeout") text = text " timeout"
    if ($i ~ /^(timeout|packets|bytes)$/) i++
    else text = text " " $i
  }
  return text
}
BEGIN {
  listed(sets, own_set)
  listed(settings, own_setting)
  listed(skipped, skip)
  listed("hashsize bucketsize initval", tuning)
  # What jumps to our chains from chains of others is theirs.
  listed("PREROUTING INPUT FORWARD OUTPUT POSTROUTING", built_in)
  networks = split(exclude, cidrs, " ")
  for (i = 1; i <= networks; i++) {
    split(cidrs[i], pair, "/")
    network_family[i] = family(pair[1])
    network[i] = substr(bits(pair[1]), 1, pair[2])
  }
  printf "" > rules
}
part == "include" { for (i = 1; i < NF; i += 2) included[$i " " $(i + 1)] = 1 }
part == "chains" { listed($0, own_chain) }
part == "ipvs" && /^-[aA] / { listable++ }
part == "thresholds" { threshold[$1 " " $2 " " $3] = " -x " $4 " -y " $5 }
part == "ipvs" && $1 == "-a" && ours($2, $3) {
  line = "real " $2 " " $3 " " $5
  for (i = 6; i <= NF; i++) line = line " " $i
  print line threshold[$2 " " $3 " " $5]
}
part == "ipvs" && $1 == "-A" && ours($2, $3) { print "virtual " substr($0, 4) }
part == "timeouts" && /^Timeout/ {
  sub(/.*: /, "")
  if (index(timeouts, " tcp ")) print "timeout tcp " $1
  if (index(timeouts, " tcpfin ")) print "timeout tcpfin " $2
  if (index(timeouts, " udp ")) print "timeout udp " $3
}
# What an interrupted run left while it filled a set aside.
part == "ipset" && $1 == "create" && $2 == "ipvsc-tmp" { printf "" > (rules ".aside") }
part == "ipset" && $1 == "add" && ($2 in own_set) { print "entry " $2 " " $3 (NF > 3 ? particulars() : "") }
part == "ipset" && $1 == "create" && ($2 in own_set) {
  line = "set " $2 " " $3
  for (i = 4; i <= NF; i++)
    if ($i in tuning) i++
    else line = line " " $i
  print line
}
part ~ /^ipv[46]$/ && index(families, " " part " ") {
  # A listing has a backslash before a single quote.
  if (/\\\047/) gsub(/\\\047/, "\047")
  if (/^\*/) table = substr($1, 2)
  at = part " " table " "
  if (/^:/) {
    chain = substr($1, 2)
    if ((part "/" table "/" chain) in own_chain) {
      print "chain " at chain
      print "chain " at chain > rules
    }
  }
  if (/^-A /) {
    text = substr($0, length($2) + 5)
    if ((part "/" table "/" $2) in own_chain) {
      line = sprintf("rule %s%s %04d %s", at, $2, ++rule_count[at $2], text)
      print line
      print line > rules
    } else if (($2 in built_in) && $(NF - 1) == "-j" && ((part "/" table "/" $NF) in own_chain)) {
      # A listing goes from the top; what is loaded last is on top.
      print jump[++jumps] = "jump " at $2 " " text
    }
  }
}
# Others may have put there what is of a whole network; what is link-local comes from the kernel.
part == "addresses" {
  sub($3 ~ /:/ ? "/128$" : "/32$", "", $3)
  if (index(families, " " family($3) " ") && $3 !~ /^fe[89ab].:/) print "address " $3
}
part == "links" && $1 == (dummy ":") { print "link " dummy }
part == "sysctls" && $2 == "=" && ($1 in own_setting) && !($1 in skip) {
  line = "sysctl " $1
  for (i = 3; i <= NF; i++) line = line " " $i
  print line
}
END {
  while (jumps > 0) print jump[jumps--] > rules
  print listable + 0 > (rules ".servers")
}
