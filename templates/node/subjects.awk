# What differs between two states (part: removed, added). To subjects, in one line, what payloads are to be laid out for, and to
# known-by what has to be known for that: "connections" of real servers that leave, "content" of sets. Lays out settings.

BEGIN {
  about["virtual"] = about["real"] = about["timeout"] = "servers"
  about["address"] = about["link"] = "addresses"
  about["set"] = about["entry"] = "sets"
  about["chain"] = about["rule"] = about["jump"] = "rules"
}
{ if ($1 in about) differs[about[$1]] = 1 }
# One with particulars takes the place of one without, or the other way round, with its set.
$1 == "entry" && NF > 3 { content = 1 }
part == "removed" {
  removes = 1
  # A set of other parameters is filled anew, and one that many leave may have no room for as many more.
  if ($1 == "set" || $1 == "entry" && ++leaving[$2] == many) content = 1
  if ($1 == "real" && $2 == "-t") connections = 1
}
part == "added" && $1 == "sysctl" { put("sysctls", $2 " = " after(3)); settings++ }
part == "added" && $1 == "timeout" { timeouts++ }
END {
  # Servers come first: what stays for their connections keeps addresses and entries.
  subjects = split("servers addresses sets rules", subject, " ")
  for (i = 1; i <= subjects; i++) if (subject[i] in differs) line = line subject[i] " "
  put("subjects", line)
  put("known-by", (connections ? "connections " : "") (removes && content ? "content" : ""))
  count("settings", settings)
  count("timeouts", timeouts)
}
