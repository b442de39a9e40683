# Puts the payloads of a delta, as they were reviewed, in the place of those that were laid out, into out/reviewed.FILE. part: laid
# or reviewed; group: what is compared as one; file: the payload. Prints what is loaded otherwise than reviewed.

# How many buckets a set begins with makes it no other set.
function same_as(line) { sub(/ hashsize [0-9]+/, "", line); return group SUBSEP line }
# What a line of IPVS is about.
function subject(line,   word) { split(line, word, " "); return word[2] " " word[3] (word[4] == "-r" ? " " word[5] : "") }
# Groups whose lines stand for themselves, so that some can be left out and others put in.
function is_loose(name) { return !(name in fixed) && name !~ /^rules/ }

/ipvsc-tmp/ { fixed[group] = 1 }
part == "laid" { left[same_as($0)]++; laid[group, ++laid_lines[group]] = $0; of_file[group, laid_lines[group]] = file; next }
{
  line[++lines] = $0
  in_group[lines] = group
  in_file[lines] = file
  id = same_as($0)
  if (left[id] > 0) { left[id]--; known[lines] = 1 }
  else odd[group]++
}
END {
  # What was laid out and not reviewed.
  for (name in laid_lines)
    for (i = 1; i <= laid_lines[name]; i++) {
      group = name
      id = same_as(laid[name, i])
      if (left[id] <= 0) continue
      left[id]--
      extra[name, ++extras[name]] = laid[name, i]
      from_file[name, extras[name]] = of_file[name, i]
      odd[name]++
    }
  # Rules and sets that are filled aside are taken as they were laid out, or as they were reviewed: whole.
  for (name in odd) if (!is_loose(name)) print "as the node is, not as reviewed: " name
  # A node may lack the interface, and all that is put on it comes after.
  for (i = 1; i <= extras["ip.1"]; i++)
    if (extra["ip.1", i] ~ /^link add /) {
      print "not in the reviewed payloads: " extra["ip.1", i]
      print extra["ip.1", i] > (out "/reviewed.ip.1")
      extra["ip.1", i] = ""
    }
  for (i = 1; i <= lines; i++) {
    name = in_group[i]
    if (name in odd) {
      if (!is_loose(name)) continue
      if (!(i in known)) line[i] = other(name, line[i])
      if (line[i] == "") continue
    }
    print line[i] > (out "/reviewed." in_file[i])
  }
  for (name in extras)
    if (is_loose(name))
      for (i = 1; i <= extras[name]; i++) {
        if (extra[name, i] == "") continue
        print "not in the reviewed payloads: " extra[name, i]
        file = from_file[name, i]
        if (name == "ipvs") file = extra[name, i] ~ /^-[dD] | -w 0( |$)/ ? "ipvs.2" : "ipvs.1"
        print extra[name, i] > (out "/reviewed." file)
      }
  for (name in odd) if (!is_loose(name)) for (i = 1; i <= laid_lines[name]; i++) print laid[name, i] > (out "/reviewed." of_file[name, i])
}
# What is loaded in the place of a line: the one about the same servers.
function other(name, text,   i, found) {
  for (i = 1; i <= extras[name]; i++)
    if (name == "ipvs" && extra[name, i] != "" && subject(extra[name, i]) == subject(text)) {
      found = extra[name, i]
      print "instead of \"" text "\": " found
      extra[name, i] = ""
      return found
    }
  print "not loaded: " text
  return ""
}
