BEGIN {
  kinds = split("virtual real set entry chain rule address", kind, " ")
  split("virtualServers realServers sets setEntries chains rules addresses", member, " ")
  split("virtual servers,real servers,sets,set entries,chains,rules,addresses", words, ",")
}
{ count[$1]++ }
END {
  for (i = 1; i <= kinds; i++) {
    if (i > 1) printf(json == "yes" ? "," : ", ")
    if (json == "yes") printf "\"%s\":%d", member[i], count[kind[i]]
    else printf "%d %s", count[kind[i]], words[i]
  }
}
