# Lays out the payloads of sets. part: kept (addresses of virtual servers that stay for connections), removed, added; where it has to
# be known, content (all that is held) and "wanted content". To sets.1 what is made, before anything names it, and to sets.2 what is
# left to change when servers have changed; to retained entries that stay.

function strict(set) { return index(" " strict_sets " ", " " set " ") > 0 }
function bound(set) { return index(" " bound_sets " ", " " set " ") > 0 }
# An entry that exempts from another set, which has it before and after: it goes early, and comes late.
function exempts(set, entry, fresh) { return (set in exempted) && !((exempted[set] " " entry) in fresh) }
# What an entry has besides its element; an entry that somebody let time out has the time of its set.
function particulars(   text) {
  text = " " after(4)
  sub(/ timeout/, "", text)
  return text
}
function power_of_two(from, least) { while (from < least) from *= 2; return from }
function hash_of(text, n) { return text ~ / hash:/ ? " hashsize " power_of_two(smallest_hash, n / per_bucket) : "" }
function maximum(text) { return match(text, / maxelem [0-9]+/) ? substr(text, RSTART + 9, RLENGTH - 9) + 0 : 0 }
# How many entries both states have in a set.
function both(set) { return lines[set] + early[set] }
function is_crowded(set, text) { return loses[set] > 0 && maximum(text) > 0 && both(set) * headroom > maximum(text) }
function enlarged(set, text) {
  sub(/maxelem [0-9]+/, "maxelem " power_of_two(maximum(text), both(set) * headroom), text)
  return text
}
# Fills a set aside with what both states have in it but for what goes early or comes late, or at the end with what stays, and
# swaps it in.
function replace(file, set, text,   i, n, n_stay, stay) {
  for (i = 1; i <= lines[set]; i++) {
    if (file == "sets.1" ? ((set " " line[set, i]) in late) : ((set " " line[set, i]) in leaving)) continue
    stay[++n_stay] = line[set, i]
  }
  n = file == "sets.1" ? both(set) : n_stay
  sub(/^[^ ]+/, "ipvsc-tmp", text)
  put(file, "create " text hash_of(text, n))
  for (i = 1; i <= n_stay; i++) put(file, "add ipvsc-tmp " stay[i])
  put(file, "swap ipvsc-tmp " set "\ndestroy ipvsc-tmp")
}
# Sets that are filled aside before servers change (with what text), and those that are at the end.
function choose(set, text) {
  before[set] = is_crowded(set, text) ? enlarged(set, text) : text
  if (is_crowded(set, text)) at_end[set] = text
}
BEGIN {
  pairs = split(exemptions, pair, " ")
  for (i = 1; i <= pairs; i++) { split(pair[i], names, ":"); exempted[names[1]] = names[2] }
}

part == "kept" { kept[$1] = 1; next }
part == "removed" && $1 == "set" { was_set[$2] = 1 }
part == "added" && $1 == "set" { new_set[++new_sets] = $2; create[$2] = after(2) }
# What has particulars goes with the set as a whole.
$1 == "entry" && NF > 3 && part !~ /content$/ { particular[$2] = 1 }
part == "removed" && $1 == "entry" && NF > 3 { lost_entries++ }
part == "removed" && $1 == "entry" && NF == 3 {
  old_entry[++old_entries] = $3
  old_in[old_entries] = $2
  was_entry[$2 " " $3] = 1
  loses[$2]++
}
part == "added" && $1 == "entry" {
  new_entry[++new_entries] = $3
  new_in[new_entries] = $2
  if (NF > 3) words_of[new_entries] = particulars()
  is_entry[$2 " " $3] = 1
  gains[$2]++
}
# What both states have in a set; where the wanted one, which comes later, is not new, it is as large as before.
part ~ /content$/ && $1 == "entry" {
  # Others may have put particulars to what is held: nomatch, a comment.
  if (NF > 3 && part == "content") next
  if (part == "content" && (($2 " " $3) in was_entry) && exempts($2, $3, was_entry)) { early[$2]++; next }
  if (!(($2, $3) in content)) content[$2, $3] = ++lines[$2]
  line[$2, content[$2, $3]] = $3 (NF > 3 ? particulars() : "")
}
part ~ /content$/ && $1 == "set" { parameters[$2] = after(2) }

END {
  for (i = 1; i <= new_sets; i++) {
    set = new_set[i]
    if (set in was_set) choose(set, create[set])
    else put("sets.1", "create " create[set] hash_of(create[set], gains[set]))
  }
  for (set in parameters) {
    if ((set in create) || (set in was_set)) continue
    # Where what leaves and what comes have no room side by side, the set is larger until the end.
    if ((set in particular) || (set in gains) && loses[set] >= many && is_crowded(set, parameters[set])) choose(set, parameters[set])
    # Where more goes than stays, filling another one takes less than emptying it.
    if (loses[set] >= many && 2 * loses[set] > lines[set] && !(set in exempted)) at_end[set] = parameters[set]
  }

  for (i = 1; i <= old_entries; i++) {
    set = old_in[i]
    id = set " " old_entry[i]
    goes = (set in was_set) && !(set in create)
    if (exempts(set, old_entry[i], was_entry) && !goes) {
      if (!(set in before)) put("sets.1", "del " id)
      lost_entries++
      continue
    }
    # The same element with other particulars took its place, with its set.
    if (id in is_entry) continue
    if (bound(set) && (old_entry[i] in kept) && !goes) { put("retained", "entry " id); continue }
    leaving[id] = 1
    lost_entries++
    if (!goes && !(set in at_end)) del[strict(set), ++dels[strict(set)]] = id
  }
  for (i = 1; i <= new_entries; i++) {
    id = new_in[i] " " new_entry[i]
    if (exempts(new_in[i], new_entry[i], is_entry)) {
      late[id words_of[i]] = 1
      put("sets.2", "add " id words_of[i])
    } else if (new_in[i] in before) continue
    else if (strict(new_in[i])) add[++adds] = id words_of[i]
    else put("sets.1", "add " id words_of[i])
  }

  for (is_strict = 0; is_strict <= 1; is_strict++)
    for (set in before) if (strict(set) == is_strict) replace("sets.1", set, before[set])
  for (i = 1; i <= adds; i++) put("sets.1", "add " add[i])
  for (is_strict = 1; is_strict >= 0; is_strict--) {
    for (i = 1; i <= dels[is_strict]; i++) put("sets.2", "del " del[is_strict, i])
    for (set in at_end) if (strict(set) == is_strict) replace("sets.2", set, at_end[set])
  }
  for (set in was_set) if (!(set in create)) { put("sets.2", "destroy " set); lost_sets++ }

  count("setsAdded", new_sets)
  count("setsRemoved", lost_sets)
  count("entriesAdded", new_entries)
  count("entriesRemoved", lost_entries)
}
