# --- delta bundles: what was reviewed is what is loaded ---------------------------------------------------------

# Payloads as they are laid out, as what they are compared, and as they stand in the delta.
REVIEWED='sysctls:sysctls:02-sysctl.conf sets.1:sets.1:03-ipset.restore rules.1.ipv4:rules.1.ipv4:04-iptables.restore
rules.1.ipv6:rules.1.ipv6:05-ip6tables.restore ipvs.1:ipvs:06-ipvs.restore ipvs.1.beside:ipvs:none ip.1:ip.1:07-ip.batch
ip.2:ip.2:08-ip.batch ipvs.2:ipvs:09-ipvs.restore rules.2.ipv4:rules.2.ipv4:10-iptables.restore
rules.2.ipv6:rules.2.ipv6:11-ip6tables.restore sets.2:sets.2:12-ipset.restore'

# Once the way is laid out, and the node is where the delta starts: the delta's payloads take the place of those laid out, byte for
# byte, but for lines about real servers that still have connections, or had when a run before retired them, and about settings
# that somebody changed. What differs is said.
take_reviewed() {
  [ "$reviewed" = yes ] || return 0
  problem="cannot lay out payloads in $work: is there room?"
  set --
  for entry in $REVIEWED; do
    file=${entry%%:*} name=${entry##*:} group=${entry#*:}
    true > "$work/reviewed.$file" || return 1
    [ ! -s "$work/$file" ] || set -- "$@" "group=${group%:*}" "file=$file" part=laid "$work/$file"
    [ ! -s "$copy/delta/$name" ] || set -- "$@" "group=${group%:*}" "file=$file" part=reviewed "$copy/delta/$name"
  done
  # Where there is no payload at all, nothing is to be read.
  awk -v out="$work" "$AWK_REVIEWED" "$@" /dev/null > "$work/otherwise" || return 1
  # Nothing to do in between: one process does both.
  if [ ! -s "$work/reviewed.ip.1" ] && [ ! -s "$work/reviewed.ip.2" ] && [ -s "$work/reviewed.ipvs.2" ]; then
    limited cat "$work/reviewed.ipvs.2" >> "$work/reviewed.ipvs.1" && true > "$work/reviewed.ipvs.2" || return 1
  fi
  for entry in $REVIEWED; do
    file=${entry%%:*}
    [ ! -s "$work/$file" ] && [ ! -s "$work/reviewed.$file" ] || call mv mv "$work/reviewed.$file" "$work/$file" || return 1
  done
  has_room "$work"
}

# What is loaded otherwise than it was reviewed, and says so.
say_otherwise() {
  [ "$reviewed" = yes ] || return 0
  while read -r line; do say note "$line"; done < "$work/otherwise"
}
