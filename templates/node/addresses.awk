# Lays out the payloads of the interface and its addresses, which attract traffic. part: kept (addresses of virtual servers that stay
# for connections), removed, added. To ip.1 what is bound, and to ip.2 what is no more; to retained which addresses stay.

function prefix(address) { return address (address ~ /\// ? "" : address ~ /:/ ? "/128" : "/32") }

part == "kept" { kept[$1] = 1; next }
part == "removed" && $1 == "link" { was_link = 1 }
part == "removed" && $1 == "address" { old_address[++old_addresses] = $2; bound_as[bare($2)] = $2 }
part == "added" && $1 == "link" { is_link = 1 }
part == "added" && $1 == "address" { new_address[++new_addresses] = $2 }

END {
  if (is_link) put("ip.1", "link add name " dummy " type dummy")
  for (i = 1; i <= new_addresses; i++) {
    # The same one, of another network: IPv6 does not have both.
    address = bare(new_address[i])
    if (address ~ /:/ && (address in bound_as)) {
      put("ip.1", "addr del " prefix(bound_as[address]) " dev " dummy)
      rebound[bound_as[address]] = 1
    }
    put("ip.1", "addr add " prefix(new_address[i]) " dev " dummy)
  }

  if (was_link) put("ip.2", "link del dev " dummy)
  for (i = 1; i <= old_addresses; i++) {
    address = old_address[i]
    # The first address of a network would take the others with it.
    if (address ~ /\./ && address ~ /\//) promote = 1
    if (bare(address) in kept) { put("retained", "address " address); continue }
    lost_addresses++
    if (!was_link && !(address in rebound)) put("ip.2", "addr del " prefix(address) " dev " dummy)
  }
  if (promote && !was_link) put("sysctls", "net.ipv4.conf." dummy ".promote_secondaries = 1")

  count("addressesAdded", new_addresses)
  count("addressesRemoved", lost_addresses)
  count("linksAdded", is_link)
  count("linksRemoved", was_link)
}
