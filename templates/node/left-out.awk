# The lines of a state that speak of IPv6 (wanted=yes), or those that do not: no other family is one that a kernel can lack.
function of_ipv6() {
  if ($1 == "chain" || $1 == "rule" || $1 == "jump") return $2 == "ipv6"
  if ($1 == "set" || $1 == "entry") return $2 ~ /^KUBE-6-/
  if ($1 == "virtual" || $1 == "real") return $3 ~ /^\[/
  if ($1 == "address") return $2 ~ /:/
  return $1 == "sysctl" && $2 ~ /^net\.ipv6\./
}
of_ipv6() == (wanted == "yes")
