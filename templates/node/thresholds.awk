# Real servers that have a threshold, from "ipvsadm -L -n --thresholds": virtual server, real server, upper, lower.
BEGIN { flag["TCP"] = "-t"; flag["UDP"] = "-u"; flag["SCTP"] = "--sctp-service" }
$1 != "->" { service = ($1 in flag) ? flag[$1] " " $2 : ""; next }
service != "" && $3 + $4 > 0 { print service, $2, $3, $4 }
