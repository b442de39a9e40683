{
  change = substr($0, 1, 1) == "-" ? "removed" : "added"
  printf "{\"event\":\"difference\",\"change\":\"%s\",\"line\":\"%s\"}\n", change, quote(substr($0, 3))
}
