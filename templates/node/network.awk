part == "owned" { for (i = 1; i <= NF; i++) owned[$i] = 1; next }
part == "addresses" {
  if ($2 == dummy) print $2, $3, $4 > (into "bound")
  # Of links, those that are dummies.
  if ($2 == (dummy ":")) is_dummy = 1
  next
}
part == "links" { if ($1 == (dummy ":")) exists = 1; next }
# The nft flavour lists nothing of a table that holds what only nft can express, and ends well.
/^# Table .* is incompatible/ { gsub(/[^A-Za-z0-9_-]/, "", $3); print part, $3 > (into "unreadable") }
/^#/ { next }
/^\*/ { table = substr($1, 2) }
/^:KUBE-/ {
  chain = part "/" table "/" substr($1, 2)
  if (($1 ~ /^:KUBE-(SVC|SVL|SEP|XLB|EXT|FW)-/ ||
    $1 ~ /^:KUBE-(EXTERNAL-SERVICES|NODEPORTS|PROXY-CANARY|SERVICES|FORWARD|PROXY-FIREWALL|MARK-DROP)$/) &&
    !(chain in owned)) print chain > (into "leftovers")
}
{ sub(/ \[[0-9]+:[0-9]+\]$/, ""); print > (into part) }
END { if (exists && !is_dummy) print dummy > (into "other-kind") }
