# --- metrics: the essential figures, in the text format of Prometheus --------------------------------------------
#
# Names and meanings are those of "ipvsc metrics", which knows Services, too.

print_metrics() {
  problem="cannot write to $work: is there room?"
  into=$work/have
  true > "$into/load" && true > "$into/overall" && true > "$into/ipset" || refuse_for_problem
  if [ -e /proc/net/ip_vs ]; then
    read_part load 'ipvsadm -L' ipvsadm -L -n --persistent-conn || refuse_for_problem
    limited cat /proc/net/ip_vs_stats > "$into/overall" || refuse_for_problem
  fi
  read_sets || refuse_for_problem
  record_figures > "$into/record" || refuse_for_problem
  awk -v version="$SCRIPT_VERSION" -v dummy="$DUMMY" "$AWK_METRICS" part=record "$into/record" part=overall "$into/overall" \
    part=ipset "$into/ipset" part=load "$into/load" > "$into/metrics" || refuse_for_problem
  if [ -z "$textfile" ]; then
    limited cat "$into/metrics"
  else
    # A collector reads a whole file, the old one or this one.
    call 'write the metrics' cp "$into/metrics" "$textfile.$$" && chmod 644 "$textfile.$$" &&
      call 'write the metrics' mv -f "$textfile.$$" "$textfile" || {
      rm -f "$textfile.$$"
      refuse_for_problem
    }
  fi
}

# What the records and the kernel say, as words and numbers.
record_figures() {
  find_runs
  fingerprint=''
  { read -r fingerprint rest < "$last/after/fingerprint"; } 2> /dev/null
  case $fingerprint in '' | *[!0-9a-f]*) ;; *) echo "fingerprint $fingerprint" ;; esac
  [ ! -f "$state/draining" ] || echo "draining $(count_lines "$state/draining")"
  if [ -s "$state/log" ]; then
    # The time of the last line is that of the file.
    find_tool stat
    echo "time $("$tool" -c %Y "$state/log" 2> /dev/null)"
    tail -n 1 "$state/log" | awk '{
      sub(/^[^:]*:[^:]*:[^:]*: /, "")
      if (split($0, words, ": ") > 1) { sub(/,.*/, "", words[2]); print "run " words[1] " " words[2] }
    }'
  fi
  for name in count max; do
    number=''
    { read -r number < "/proc/sys/net/netfilter/nf_conntrack_$name"; } 2> /dev/null
    [ -z "$number" ] || echo "conntrack_$name $number"
  done
}
