function bare(address) { sub(/\/.*/, "", address); return address }
function host(service) { sub(/:[0-9]+$/, "", service); gsub(/[][]/, "", service); return service }
part == "applied" { applied[$0] = 1; if ($1 == "virtual") applied[$2 " " $3] = 1; next }
part == "draining" { draining[$1 " " $2 " " $3] = 1; service[$1 " " $2] = 1; address[host($2)] = 1; next }
$1 == "real" && ((($2 " " $3 " " $4) in draining) && / -w 0( |$)/) { next }
$1 == "virtual" && (($2 " " $3) in service) && !(($2 " " $3) in applied) { next }
$1 == "address" && (bare($2) in address) && !($0 in applied) { next }
$1 == "entry" && ($3 in address) && index(sets, " " $2 " ") && !($0 in applied) { next }
{ print }
