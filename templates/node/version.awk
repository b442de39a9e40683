{
  for (i = 1; i <= NF; i++)
    if ($i ~ /^v?[0-9]+\.[0-9]+/) {
      sub(/^v/, "", $i)
      split($i, found, ".")
      split(needed, least, ".")
      for (part = 1; part <= 3; part++)
        if (found[part] + 0 != least[part] + 0) exit found[part] + 0 < least[part] + 0
      exit 0
    }
}
