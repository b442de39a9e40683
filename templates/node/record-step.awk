function next_of(list,   line) { return (getline line < list) > 0 ? line : "" }
function seek() { change = gone == "" || come != "" && come < gone ? come : gone }
BEGIN {
  gone = next_of(removed)
  come = next_of(added)
  seek()
  while ((getline line < rules) > 0) print line > kept_rules
}
change == "" || $0 < change { print; next }
{
  while (come != "" && come < $0) { print come; come = next_of(added) }
  if ($0 == gone) gone = next_of(removed)
  else print
  seek()
}
END { for (; come != ""; come = next_of(added)) print come }
