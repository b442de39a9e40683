# --- which machine this is ------------------------------------------------------------------------------------

# check_machine: whether this machine is the node that the bundle was made for. $stranger says why it is not.
check_machine() {
  stranger=''
  # One that comes back after a restart was taken before, and the machine may have neither address nor name yet.
  [ "$other_node" = no ] && ! is_kept || return 0
  # shellcheck disable=SC2086 # a list of words
  set -- $BOUND_TO
  if [ $# -lt 2 ]; then
    say_standing_note 'the bundle is bound to no machine: it was made without a Node'
    return 0
  fi
  kind=$1
  shift
  case $kind in
    machine)
      machine_mark
      [ "$mark" != "$1" ] || return 0
      stranger='its machine id is another one'
      [ -n "$mark" ] || stranger='it has no machine id'
      ;;
    address)
      has_one_of "$@" && return 0
      stranger="no interface of it has $(printf '%s' "$*" | awk '{ gsub(/ /, " or "); print }')"
      ;;
    hostname)
      read -r hostname < /proc/sys/kernel/hostname
      is_named "$1" && return 0
      stranger="it is called $hostname"
      ;;
    *) refuse "bundle.conf says that the bundle is bound to a $kind, which this script does not know: take the script that came with the bundle" ;;
  esac
  stranger="this machine is not the node $NODE that the bundle was made for: $stranger"
  return 1
}

# $mark: what the machine id comes to; it should not leave the machine itself.
machine_mark() {
  mark='' id=''
  { read -r id < /etc/machine-id; } 2> /dev/null || { read -r id < /var/lib/dbus/machine-id; } 2> /dev/null
  case $id in
    ????????????????????????????????) ;;
    *) return 0 ;;
  esac
  mark=$(printf 'ipvsc %s\n' "$id" | sha256sum) || mark=''
  mark=${mark%% *}
  mark=${mark%????????????????????????????????}
}

# has_one_of ADDRESS...: whether an interface has one of these.
has_one_of() {
  call 'ip addr' ip -o addr show > "$work/own-addresses" || refuse_for_problem
  awk -v wanted=" $* " -v dummy="$DUMMY" '
    $2 != dummy && ($3 == "inet" || $3 == "inet6") {
      sub(/\/.*/, "", $4)
      if (index(wanted, " " $4 " ")) found = 1
    }
    END { exit !found }' "$work/own-addresses"
}

# is_named NAME: $hostname is that name, or one of both is the other with a domain.
is_named() {
  name=$(printf '%s' "$hostname" | tr '[:upper:]' '[:lower:]')
  case $name in "$1" | "$1".*) return 0 ;; esac
  case $1 in "$name".*) return 0 ;; esac
  return 1
}
