# --- who signed a bundle ----------------------------------------------------------------------------------------
#
#   CONFIG-DIR/allowed_signers   who may sign (ssh-keygen(1)); without it nothing is verified
#   CONFIG-DIR/revoked_keys      who no longer may
#   CONFIG-DIR/apply.conf        "revoked-keys FILE": a list that has to be there
#   STATE-DIR/accepted           of the last signed bundle that ended well: serial, bundle, node, signed-at, clock
#
# Signed is signed.conf, which has the SHA-256 of SHA256SUMS, which has those of all else.

SIGNATURE_NAMESPACE=ipvsc-bundle
# Bytes. A list of keys in a signature would be no longer.
MOST_OF_SIGNATURE=65536

# check_signature: refuses what nobody who may has signed, before anything of the bundle is read, let alone executed or loaded. A
# bundle that this node keeps was accepted before.
check_signature() {
  signed_by=''
  is_kept && return 0
  signers=$config/allowed_signers
  if [ ! -e "$signers" ]; then
    say_unverified
    return 0
  fi
  check_folder "$config" || refuse "$config cannot be trusted: $untrusted; make it root's alone"
  has ssh-keygen || refuse "$signers says who may sign, but ssh-keygen is not installed: install openssh-client"
  [ -e "$copy/signed.conf" ] && [ -e "$copy/signed.conf.sig" ] || refuse "the bundle is not signed, and $signers says who may sign: \"ipvsc sign\" signs it"
  find_revoked
  read_signed
  find_time
  verify_signature
  name_bundle
  [ "$signed_sums" = "$id" ] || refuse 'the signature is that of another bundle: its SHA256SUMS differs'
  check_expiry
  check_serial
}

# copy_signature: what vouches for the bundle, where there is any.
copy_signature() {
  for name in signed.conf signed.conf.sig; do
    [ -f "$bundle/$name" ] || continue
    size_of "$bundle/$name"
    [ "$size" -le "$MOST_OF_SIGNATURE" ] || refuse "$name is no signature: it has $size bytes"
    copy_files "$copy" "$name"
  done
}

# Whether the bundle lies where only bundles lie that this node has accepted.
is_kept() {
  [ -d "$state" ] || return 1
  home=$(CDPATH='' cd -P -- "$state" && pwd -P) && place=$(CDPATH='' cd -P -- "$bundle" && pwd -P) || return 1
  case $place in "$home"/kept/* | "$home"/run.?) return 0 ;; esac
  return 1
}

say_unverified() {
  case $command in
    apply | check | status | install)
      say note "nobody vouches for this bundle: there is no $config/allowed_signers, so no signature was verified"
      ;;
  esac
}

# Sets $revoked, the list of keys that may no longer sign; empty: there is none.
find_revoked() {
  revoked=''
  [ ! -e "$config/revoked_keys" ] || revoked=$config/revoked_keys
  [ -e "$config/apply.conf" ] || return 0
  while read -r key value; do
    case $key in
      '' | \#*) ;;
      revoked-keys)
        case $value in /*) revoked=$value ;; *) revoked=$config/$value ;; esac
        ;;
      *) refuse "$config/apply.conf has a key that is not known, \"$key\"" ;;
    esac
  done < "$config/apply.conf"
  [ -z "$revoked" ] || [ -f "$revoked" ] || refuse "$config/apply.conf names the list of revoked keys $revoked, which is not there: put it back; an empty one revokes nothing"
}

refuse_signed() { refuse "signed.conf $1: sign the bundle again"; }

# Sets $signed_sums, $signed_nodes, $signed_at, $expires (empty: never) and $serial. Nothing of it counts before the signature is good.
read_signed() {
  signed_format='' signed_sums='' signed_nodes='' signed_at='' expires='' serial=''
  while read -r key value; do
    case $key in
      '' | \#*) ;;
      format) signed_format=$value ;;
      sha256sums) signed_sums=$value ;;
      nodes) signed_nodes=$value ;;
      signed-at) signed_at=$value ;;
      expires) expires=$value ;;
      serial) serial=$value ;;
      *) refuse_signed "has a key that is not known, \"$key\"" ;;
    esac
  done < "$copy/signed.conf"
  [ "$signed_format" = 1 ] || refuse_signed "has format \"$signed_format\", and this script knows format 1"
  is_id "$signed_sums" || refuse_signed 'has no SHA-256 of SHA256SUMS'
  case $signed_nodes in '' | *[!A-Za-z0-9.*?\ -]*) refuse_signed 'names no nodes' ;; esac
  is_time "$signed_at" || refuse_signed 'has no time of signing'
  [ -z "$expires" ] || is_time "$expires" || refuse_signed "expires at \"$expires\", which is no time"
  case $serial in '' | *[!0-9]* | 0?* | ????????????????*) refuse_signed 'has no serial' ;; esac
}

# is_time WORD: such as 2030-01-31T23:59:59Z.
is_time() {
  case $1 in [0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z) return 0 ;; esac
  return 1
}

# as_number TIME: $number, to be compared.
as_number() { number=$(printf '%s' "$1" | tr -dc 0-9); }

# Sets what STATE-DIR/accepted says; empty: no signed bundle has ended well yet.
read_accepted() {
  last_serial='' last_id='' last_node='' last_time='' last_clock=''
  while read -r key value; do
    case $key in
      serial) case $value in '' | *[!0-9]* | ????????????????*) ;; *) last_serial=$value ;; esac ;;
      bundle) ! is_id "$value" || last_id=$value ;;
      node) case $value in *[!A-Za-z0-9.-]*) ;; *) last_node=$value ;; esac ;;
      signed-at) ! is_time "$value" || last_time=$value ;;
      clock) ! is_time "$value" || last_clock=$value ;;
    esac
  done 2> /dev/null < "$state/accepted"
}

# Sets $clock, and $judged, the time by which keys and bundles expire: a clock that was set back does not make it earlier than what
# this node has seen.
find_time() {
  clock=$(date -u '+%Y-%m-%dT%H:%M:%SZ') && is_time "$clock" || refuse 'date does not tell the time'
  judged=$clock
  read_accepted
  [ "$allow_older" = no ] || return 0
  for seen_at in $last_clock $last_time; do
    as_number "$judged" && judged_number=$number && as_number "$seen_at"
    [ "$number" -le "$judged_number" ] || judged=$seen_at
  done
}

# verify_signature: $signed_by is who signed. All of it is done by ssh-keygen.
verify_signature() {
  call 'ssh-keygen -Y find-principals' ssh-keygen -Y find-principals -s "$copy/signed.conf.sig" -f "$signers" > "$work/found-principals" < /dev/null ||
    refuse "the signature is of nobody whom $signers names, or is damaged"
  tr ',' '\n' < "$work/found-principals" > "$work/principals"
  set -- -Y verify -f "$signers" -n "$SIGNATURE_NAMESPACE" -s "$copy/signed.conf.sig"
  [ -z "$revoked" ] || set -- "$@" -r "$revoked"
  # By the clock of the node, unless that has been set back. Without a zone it is the local time.
  as_number "$judged"
  [ "$judged" = "$clock" ] || set -- "$@" -O "verify-time=$number"
  while IFS= read -r signed_by; do
    (TZ=UTC0 && export TZ && call 'ssh-keygen -Y verify' ssh-keygen "$@" -I "$signed_by" > "$work/verified" < "$copy/signed.conf") && return 0
  done < "$work/principals"
  refuse "the signature is not good: $(cat "$work/verified" "$errors" 2> /dev/null | awk 'NR <= 2 { printf "%s%s", (NR > 1 ? "; " : ""), $0 }')"
}

# Whether a bundle may still be taken; one that was taken stays.
check_expiry() {
  as_number "$signed_at" && signed_number=$number && as_number "$judged"
  if [ "$signed_number" -gt "$number" ]; then
    say warning "the bundle was signed at $signed_at, and the clock of this node says $clock: it is behind, and the later time counts"
    judged=$signed_at number=$signed_number
  elif [ "$judged" != "$clock" ]; then
    say warning "the clock of this node says $clock, but it has taken a bundle at $judged: the later time counts"
  fi
  [ -n "$expires" ] || return 0
  judged_number=$number
  as_number "$expires"
  [ "$judged_number" -lt "$number" ] || refuse "the bundle has expired at $expires (it is $judged): sign it again"
}

# Whether this is newer than the last signed bundle that ended well, or the same.
check_serial() {
  [ -n "$last_serial" ] && [ "$id" != "$last_id" ] || return 0
  [ "$serial" -le "$last_serial" ] || return 0
  [ "$allow_older" = yes ] || refuse "the bundle is not newer than the last one (serial $serial, the last was $last_serial): --allow-older takes it all the same"
  say warning "the bundle is not newer than the last one (serial $serial, the last was $last_serial), and is taken all the same"
}

# check_signed_node: whether it is signed for the node that it says it is for, and for the one that this machine was until now.
check_signed_node() {
  [ -n "$signed_by" ] || return 0
  for name in "$NODE" $last_node; do
    is_signed_for "$name" || [ "$other_node" = yes ] ||
      refuse "the bundle is signed for $signed_nodes, not for the node $name; --other-node takes it all the same"
  done
  say_standing_note "signed by $signed_by"
}

# is_signed_for NODE
is_signed_for() {
  set -f
  for pattern in $signed_nodes; do
    # shellcheck disable=SC2254 # a pattern
    case $1 in $pattern) set +f && return 0 ;; esac
  done
  set +f
  return 1
}

# record_accepted FILE: what a run that ends well has accepted.
record_accepted() {
  true > "$1" || return 1
  [ -n "$signed_by" ] || return 0
  case $NODE in *[!A-Za-z0-9.-]*) node=$last_node ;; *) node=$NODE ;; esac
  printf 'serial %s\nbundle %s\nnode %s\nsigned-at %s\nclock %s\n' "$serial" "$id" "$node" "$signed_at" "$judged" > "$1"
}
