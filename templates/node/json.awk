# The text of all lines as a string of JSON. What a terminal could mistake has no place in it.
BEGIN {
  for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
  escape["\t"] = "\\t"
  escape["\r"] = "\\r"
  escape["\\"] = "\\\\"
  escape["\""] = "\\\""
  escape[sprintf("%c", 127)] = "\\u007f"
}
function quote(text,   i, letter, out) {
  if (text !~ /[\\"]/ && text !~ /[^ -~]/) return text
  for (i = 1; i <= length(text); i++) {
    letter = substr(text, i, 1)
    out = out ((letter in escape) ? escape[letter] : letter)
  }
  return out
}
