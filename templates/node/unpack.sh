# --- archives of bundles: "ipvsc pack" --------------------------------------------------------------------------
#
# An archive may be made to harm. Nothing in it decides where something is written: names and kinds of its members are looked at
# first, and the files of one bundle are then written one by one under names of our own.

# Bytes: of an archive when it is unpacked, and of one file of it.
MOST_OF_ARCHIVE=2147483648
MOST_OF_FILE=268435456
MOST_MEMBERS=100000

refuse_archive() { refuse "the archive $named $1: carry it over again"; }

# unpack_archive: lays the bundle of this node in the archive $bundle out in a private folder, and takes that for $bundle.
unpack_archive() {
  check_tools tar gzip head
  named=$bundle
  make_unpacked
  measure_archive
  problem="cannot unpack $named in $unpacked: is there room?"
  gzip -dc < "$named" 2> /dev/null | limited head -c "$MOST_OF_ARCHIVE" > "$unpacked/tar" && has_room "$unpacked" || refuse "$problem"
  list_members
  choose_member
  unpack_member
  rm -f "$unpacked/tar"
  bundle=$unpacked/bundle
}

# measure_archive: whether the archive is whole, of a size that one has, and fits, before anything of it is written.
measure_archive() {
  (gzip -dc < "$named" 2> /dev/null || true > "$unpacked/cut-off") | limited head -c "$((MOST_OF_ARCHIVE + 1))" | wc -c > "$unpacked/size" || refuse "$problem"
  read -r size < "$unpacked/size"
  [ "$size" -le "$MOST_OF_ARCHIVE" ] || refuse_archive "unpacks to more than $MOST_OF_ARCHIVE bytes"
  [ ! -e "$unpacked/cut-off" ] && [ "$size" -gt 0 ] || refuse_archive 'is cut off or damaged'
  # In kilobytes. Its files come beside it.
  room=$(df -Pk "$unpacked" | awk 'NR == 2 { print $4 }')
  [ "${room:-0}" -gt $((size / 512)) ] || refuse "not enough room in ${unpacked%/*} for $named: make some"
}

# make_unpacked: $unpacked, where there is more room than in /run. A run that takes the lock removes what killed ones left.
make_unpacked() {
  unpacked=$work/unpacked
  if [ -d "$state" ]; then unpacked=$(CDPATH='' cd -P -- "$state" && pwd -P)/unpacked.$$; fi
  mkdir "$unpacked" "$unpacked/bundle" "$unpacked/bundle/delta" 2> "$errors" || refuse "cannot make $unpacked: $(cat "$errors")"
}

# Sets $size of a file, in bytes.
size_of() {
  # shellcheck disable=SC2012 # one file
  size=$(ls -ln -- "$1" | awk '{ print $5; exit }')
  size=${size:-0}
}

# list_members: whether all that the archive holds is files of bundles, each once; $unpacked/names has them.
list_members() {
  call tar tar -tf "$unpacked/tar" > "$unpacked/names" || refuse_archive 'is cut off or damaged'
  call tar tar -tvf "$unpacked/tar" > "$unpacked/kinds" || refuse_archive 'is cut off or damaged'
  wrong=$(awk -v most="$MOST_MEMBERS" '
    function is(text) { if (wrong == "") wrong = text }
    part == "kinds" {
      if (substr($0, 1, 1) != "-" || / (->|link to) /) is("holds a link, a folder or a device")
      kinds++
      next
    }
    ++names > most { is("holds more than " most " files") }
    !/^[A-Za-z0-9][A-Za-z0-9.-]*\/(delta\/)?[A-Za-z0-9][A-Za-z0-9._-]*$/ || /\.\./ { is("holds a name that no bundle has") }
    seen[$0]++ { is("holds a file twice") }
    END {
      if (kinds != names) is("holds a name that no bundle has")
      if (wrong != "") print wrong
    }' part=kinds "$unpacked/kinds" part=names "$unpacked/names") || refuse_for_problem
  [ -z "$wrong" ] || refuse_archive "$wrong"
  [ -s "$unpacked/names" ] || refuse_archive 'is empty'
}

# choose_member: $member is the folder of this node: the one that --node names, that of the last bundle, the only one, or that of
# the name of this machine.
choose_member() {
  awk -F / '!seen[$1]++ { print $1 }' "$unpacked/names" > "$unpacked/nodes"
  read_accepted
  read -r hostname < /proc/sys/kernel/hostname
  member=$wanted_node
  if [ -z "$member" ]; then
    for member in "$last_node" "$hostname" "${hostname%%.*}"; do
      [ -n "$member" ] && says_line "$member" "$unpacked/nodes" && return 0
    done
    [ "$(count_lines "$unpacked/nodes")" -eq 1 ] && read -r member < "$unpacked/nodes" && return 0
    refuse "$named has bundles for $(first_lines "$unpacked/nodes"), and this machine is called $hostname: --node says which"
  fi
  says_line "$member" "$unpacked/nodes" || refuse "$named has no bundle for $member, but for $(first_lines "$unpacked/nodes")"
}

# unpack_member: its files, under their own names; what a signature and SHA256SUMS say of them is looked at later.
unpack_member() {
  while IFS= read -r name; do
    case $name in "$member"/*) ;; *) continue ;; esac
    target=$unpacked/bundle/${name#"$member/"}
    limited tar -xOf "$unpacked/tar" -- "$name" < /dev/null | limited head -c "$((MOST_OF_FILE + 1))" > "$target" || refuse "$problem"
    size_of "$target"
    [ "$size" -le "$MOST_OF_FILE" ] || refuse_archive "holds a file of more than $MOST_OF_FILE bytes"
  done < "$unpacked/names"
  has_room "$unpacked" || refuse "$problem"
}
