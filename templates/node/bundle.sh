# --- the bundle: what it says of itself, and whether it is whole ------------------------------------------------

# read_configuration FILE: a key and its value on each line, short ones first. Nothing of it is ever executed; a value that no
# bundle has, or a key that this script does not know, is refused.
read_configuration() {
  format='' NODE='' FINGERPRINT='' FROM='' FROM_PLAN='' STEP='' STEP_SERVERS='' ASSUMED='' BOUND_TO='' OTHER_SETS='' OTHER_CHAINS='' INCLUDE='' DRAIN_TIMEOUTS=''
  # What of a node's state is ours: families, sets, chains, settings, and what never is.
  FAMILIES='' SETS='' CHAINS='' SYSCTLS='' TIMEOUTS='' EXCLUDE=''
  BOUND_SETS='' STRICT_SETS='' EXEMPTIONS='' MODULES='' PREREQUISITES='' CONNTRACK_MAX_PER_CORE=0 CONNTRACK_MIN=0
  { true < "$1"; } 2> /dev/null || refuse "$1 cannot be read: carry the bundle over again"
  while read -r key value; do
    case $key in
      '' | \#*) continue ;;
      # Lists that may be long: read at once, below.
      include | drain-timeout) break ;;
      format) check_format "$value" ;;
      *) set_value "$key" "$value" ;;
    esac
  done < "$1"
  [ -n "$format" ] || refuse "$1 does not say its format: carry the bundle over again"
  case $key in include | drain-timeout) read_lists "$1" ;; esac
}

# check_format NUMBER: this script's own, or the one before.
check_format() {
  case $1 in
    '' | *[!0-9]* | 0*) refuse "bundle.conf says format \"$1\", which is none: carry the bundle over again" ;;
  esac
  format=$1
  [ "$format" -eq "$FORMAT" ] || [ "$format" -eq $((FORMAT - 1)) ] ||
    refuse "bundle.conf has format $format, and this script (ipvsc $SCRIPT_VERSION) knows format $FORMAT and the one before: take the script that came with the bundle"
}

# set_value KEY VALUE
set_value() {
  [ -n "$format" ] || refuse 'bundle.conf does not begin with its format: carry the bundle over again'
  case $1 in
    # Whatever it is called, it is a text that is shown.
    node) ;;
    step-servers) case $2 in *[!][A-Za-z0-9.:\ -]*) refuse_value "$1" ;; esac ;;
    exclude | chains | other-chains | bound-to) case $2 in -* | *' -'* | *[!A-Za-z0-9_.:/\ -]*) refuse_value "$1" ;; esac ;;
    assumed) case $2 in -* | *' -'* | *[!A-Za-z0-9_.:=/\ -]*) refuse_value "$1" ;; esac ;;
    # Names of settings are paths, too.
    *) case $2 in -* | *' -'* | *[!A-Za-z0-9_.:=\ -]*) refuse_value "$1" ;; esac ;;
  esac
  case $1 in
    # For whoever reads it.
    version) ;;
    node) NODE=$2 ;;
    fingerprint) FINGERPRINT=$2 ;;
    # The machine that it is for: machine, address or hostname, and what that has to be.
    bound-to) BOUND_TO=$2 ;;
    families) FAMILIES=$2 ;;
    # What would be ours of families that the bundle leaves alone.
    other-sets) OTHER_SETS=$2 ;;
    other-chains) OTHER_CHAINS=$2 ;;
    sets) SETS=$2 ;;
    chains) CHAINS=$2 ;;
    # Bound addresses stand in these sets, too.
    bound-sets) BOUND_SETS=$2 ;;
    # Entries of these come last and go first; entries of the first of a pair exempt from the second, and come when the real
    # servers that must not see them have left.
    strict-sets) STRICT_SETS=$2 ;;
    exemptions) EXEMPTIONS=$2 ;;
    modules) MODULES=$2 ;;
    sysctls) SYSCTLS=$2 ;;
    timeouts) TIMEOUTS=$2 ;;
    # Settings that belong to the owner of the node, and what they should be.
    prerequisites) PREREQUISITES=$2 ;;
    exclude) EXCLUDE=$2 ;;
    # Services with addresses or ports that nobody stated: a cluster may have chosen others.
    assumed) ASSUMED=$2 ;;
    conntrack-max-per-core) CONNTRACK_MAX_PER_CORE=$2 ;;
    conntrack-min) CONNTRACK_MIN=$2 ;;
    # Delta bundles: the fingerprints of the state that a node has to be in, and of its plan; and "step" where delta/ tells all
    # that differs, so that a node which is known to be there needs no comparison.
    from) FROM=$2 ;;
    from-plan) FROM_PLAN=$2 ;;
    step) STEP=$2 ;;
    step-servers) STEP_SERVERS=$2 ;;
    *) refuse "bundle.conf has a key that is not known, \"$1\": carry the bundle over again" ;;
  esac
}

refuse_value() { refuse "bundle.conf has a value of $1 that no bundle has: carry the bundle over again"; }

# read_lists FILE: the keys that have a line for each of their values.
read_lists() {
  lists=$(awk '
    $1 != "include" && $1 != "drain-timeout" { if (reading) exit 1; next }
    { reading = 1 }
    $2 !~ /^-[tu]$|^--sctp-service$/ || $3 !~ /^[][0-9A-Fa-f.:]+$/ { exit 1 }
    $1 == "include" ? NF != 3 : NF != 4 || $4 !~ /^[0-9]+$/ { exit 1 }
    { list[$1] = list[$1] (list[$1] == "" ? "" : " ") $2 " " $3 (NF == 4 ? " " $4 : "") }
    END { print list["include"]; print list["drain-timeout"] }' "$1") || refuse_value 'include or drain-timeout'
  INCLUDE=${lists%%"
"*}
  case $lists in
    *"
"*) DRAIN_TIMEOUTS=${lists#*"
"} ;;
  esac
}

# What of the bundle is acted on is copied once, verified in the copy, and read from there: whoever can write to the bundle cannot
# put something else there in between. All else is verified where it lies.

# copy_files TARGET NAME...
copy_files() {
  to=$1
  shift
  for name in "$@"; do
    shift
    [ -f "$bundle/$name" ] || refuse "the bundle is damaged or incomplete: it has no $name; carry it over again"
    set -- "$@" "$bundle/$name"
  done
  call cp cp "$@" "$to/" || refuse "cannot copy the bundle to $to: is there room? ($problem)"
}

# What the script has to know before all else. A delta's payloads are small, and come with it.
copy_bundle() {
  copy=$work/bundle checked=no
  [ -e "$bundle/SHA256SUMS" ] || refuse "$bundle is no bundle: it has no SHA256SUMS"
  rm -rf "$copy"
  mkdir "$copy" 2> "$errors" || refuse "cannot write to $work: is there room?"
  size_of "$bundle/SHA256SUMS"
  [ "$size" -le "$MOST_OF_SIGNATURE" ] || refuse_checksums
  copy_files "$copy" SHA256SUMS bundle.conf
  copy_signature
  check_signature
  read_checksums
  [ -z "$signed_by" ] || check_sums configuration
  [ -z "$delta_files" ] || [ "$command" = expire ] || {
    mkdir "$copy/delta" 2> "$errors" || refuse "cannot write to $work: is there room?"
    # shellcheck disable=SC2086 # a list of names
    copy_files "$copy/delta" $delta_files
  }
}

# read_checksums: whether the names in SHA256SUMS are those of a bundle; $delta_files are those of a delta.
read_checksums() {
  delta_files='' names=' '
  while read -r sum name; do
    case $sum in '' | *[!0-9a-f]*) refuse_checksums ;; esac
    case $name in
      '' | .* | */.* | *[!A-Za-z0-9._/-]* | delta/*/*) refuse_checksums ;;
      delta/*) delta_files="$delta_files $name" ;;
      */*) refuse_checksums ;;
    esac
    case $names in *" $name "*) refuse_checksums ;; esac
    names="$names$name "
  done < "$copy/SHA256SUMS"
  for name in bundle.conf wanted.state wanted.rules; do
    case $names in *" $name "*) ;; *) refuse_checksums ;; esac
  done
}

refuse_checksums() { refuse 'SHA256SUMS is not that of a bundle: carry it over again'; }

# list_sums KIND...: checksums as sha256sum reads them. Kinds: configuration, wanted, delta, rest.
list_sums() {
  while read -r sum name; do
    place=$copy
    case $name in
      bundle.conf) kind=configuration ;;
      wanted.*) kind=wanted ;;
      delta/*) kind='delta' ;;
      *) kind=rest place=$bundle ;;
    esac
    case " $* " in *" $kind "*) printf '%s  %s\n' "$sum" "$place/$name" ;; esac
  done < "$copy/SHA256SUMS"
}

# Whether the files are those that the bundle was made of.
check_files() {
  [ "$checked" = no ] || return 0
  copy_files "$copy" wanted.state wanted.rules
  check_sums configuration wanted delta rest
  checked=yes
}

# check_sums KIND...
check_sums() {
  list_sums "$@" > "$work/sums" || refuse "cannot write to $work: is there room?"
  sha256sum -c "$work/sums" > "$work/checked" 2> "$errors" && return 0
  # Where there was no room to say so, nothing is wrong with the bundle.
  { printf '%4096s' '' > "$work/room"; } 2> /dev/null && [ -s "$work/room" ] || refuse "not enough room in ${work%/*}: make some"
  refuse "the bundle is damaged or incomplete: $(awk '!/: OK$/ && match($0, /(delta\/)?[^\/]*$/) { print substr($0, RSTART) }' "$work/checked"); carry it over again"
}
