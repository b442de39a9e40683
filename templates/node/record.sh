# --- the record of a run that ended well -----------------------------------------------------------------------

# record_wanted: what was wanted, for the record in journal/after.
record_wanted() { call cp cp "$work/want/state" "$wanted_rules" "$journal/after/"; }

# record LABEL: what the node holds now, in $seen. Parts of the node that a step did not read are as they were.
record() {
  after=$journal/after
  if [ -s "$work/retained" ]; then sort "$work/retained" > "$after/retained" || return 1; fi
  printf '%s\n' "$1" > "$after/fingerprint" || return 1
  save_scope "$after/scope" || return 1
  printf '%s\n' "$comes_back" > "$after/comes-back" && record_accepted "$after/accepted" || return 1
  if [ "$stepping" = yes ]; then
    read -r growth < "$work/growth" && echo $((lines + growth)) > "$after/lines" || return 1
  fi
  record_sums "$after" && has_room "$journal"
}

# record_sums DIR: checksums of what was read into $seen; parts that a step did not read say what they said. DIR/servers holds
# the list of /proc; where that is not as long as it has to be, the next run finds out.
record_sums() {
  target=$1
  set --
  for part in ipvs timeouts sysctls ipset bound $FAMILIES; do
    [ ! -e "$seen/$part" ] || set -- "$@" "$part"
  done
  true > "$work/sums" || return 1
  if [ "$stepping" = no ]; then
    read -r servers < "$seen/rules.servers" && echo $((servers + PROC_HEADING)) > "$target/lines" || return 1
  fi
  [ $# -eq 0 ] || (cd "$seen" && sha256sum "$@") > "$work/sums" || return 1
  listed=''
  while read -r sum part; do listed="$listed $sum $part"; done < "$work/sums"
  if [ "$stepping" = yes ]; then
    read_sums || return 1
    for part in timeouts sysctls ipset bound $FAMILIES; do
      case "$listed " in
        *" $part "*) ;;
        *) sum_of "$part" && listed="$listed $sum $part" || return 1 ;;
      esac
    done
  fi
  # What is cut off does not count when it is read again.
  printf "SUMS='%s'\n" "$listed" > "$target/sums" && return 0
  true > "$target/sums"
  return 1
}

# Sets $SUMS as the last run recorded it: the checksum of each part, and its name.
read_sums() {
  SUMS=''
  { read -r SUMS < "$last/after/sums"; } 2> /dev/null
  case $SUMS in
    *[!A-Za-z0-9=\'\ ]*) return 1 ;;
    SUMS=\'*\') SUMS=${SUMS#"SUMS='"} SUMS=${SUMS%?} ;;
    *) return 1 ;;
  esac
}

# sum_of PART: $sum, of $SUMS.
sum_of() {
  case "$SUMS " in *" $1 "*) ;; *) return 1 ;; esac
  sum=${SUMS%%" $1"*}
  sum=${sum##* }
}

# says_as_recorded PART...: whether tools, just read into $work/have, say of these what they said after the last run.
says_as_recorded() { recorded_sums "$@" > "$work/sums" && sums_match; }

# recorded_sums PART...: what the checksums of these have to be.
recorded_sums() {
  read_sums || return 1
  for part in "$@"; do
    sum_of "$part" || return 1
    printf '%s  %s\n' "$sum" "$work/have/$part"
  done
}

sums_match() { sha256sum -c "$work/sums" > /dev/null 2>&1; }
