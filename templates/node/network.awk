part == "owned" { for (i = 1; i <= NF; i++) owned[$i] = 1; next }
part == "addresses" { if ($2 == dummy) print $2, $3, $4 > (into "bound"); next }
/^#/ { next }
/^\*/ { table = substr($1, 2) }
/^:KUBE-/ {
  chain = part "/" table "/" substr($1, 2)
  if (($1 ~ /^:KUBE-(SVC|SVL|SEP|XLB|EXT|FW)-/ ||
    $1 ~ /^:KUBE-(EXTERNAL-SERVICES|NODEPORTS|PROXY-CANARY|SERVICES|FORWARD|PROXY-FIREWALL|MARK-DROP)$/) &&
    !(chain in owned)) print chain > (into "leftovers")
}
{ sub(/ \[[0-9]+:[0-9]+\]$/, ""); print > (into part) }
