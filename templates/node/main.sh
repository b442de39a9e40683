# --- commands and options -------------------------------------------------------------------------------------

wrong_usage() {
  printf '%s\n' "apply.sh: $1; \"sh apply.sh help\" tells what there is" >&2
  finish 2
}

number() {
  case $2 in
    '' | *[!0-9]* | 0?*) wrong_usage "$1 needs a number of seconds, not \"$2\"" ;;
  esac
}

set_defaults() {
  prefix=/usr/local reconcile=no allow_older=no config=/etc/ipvsc wanted_node='' units=/etc/systemd/system
  state_advice='it has to be a folder that can be written to, with room; --state-dir names another one'
  unpacked='' starting=no signed_by='' comes_back=none renewed=no damaged=no size=0
  command=apply dry_run=no confirm='' drain=yes drain_timeout=900 wait=60 limit=120 flavour='' variant='' take_over=no
  remove_leftovers=no converge=no other_node=no discard_journal=no state=${IPVSC_STATE_DIR:-/var/lib/ipvsc} bundle='' copy='' checked=no verbose=no quiet=no json=no
  NODE='' FINGERPRINT='' FAMILIES='' out='' textfile='' with_connections=no
  work='' first_work='' problem='' servers_to='' skipped='' absent='' running='' others='' stepping=no reviewed=no watcher='' child='' undone=''
  ended=no touched=no locked_state='' thresholds=no left_out=''
}

read_words() {
  case ${1-} in
    apply | check | status | confirm | expire | rollback | drain | cleanup | facts | collect | metrics | install | uninstall | boot | help)
      command=$1
      shift
      ;;
  esac
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      --confirm | --drain-timeout | --wait | --limit | --iptables | --bundle | --state-dir | --prefix | --reconcile | --config-dir | --node | \
        --out | --textfile)
        [ $# -gt 0 ] || wrong_usage "$option needs a value"
        value=$1
        shift
        ;;
    esac
    case $option in
      -n | --dry-run) dry_run=yes ;;
      --confirm) number "$option" "$value" && confirm=$value ;;
      --no-drain) drain=no ;;
      --drain-timeout) number "$option" "$value" && drain_timeout=$value ;;
      --wait) number "$option" "$value" && wait=$value ;;
      --limit) number "$option" "$value" && limit=$value ;;
      --iptables)
        case $value in nft | legacy) flavour=$value ;; *) wrong_usage "--iptables is nft or legacy" ;; esac
        ;;
      --take-over) take_over=yes ;;
      --remove-leftovers) remove_leftovers=yes ;;
      --converge) converge=yes ;;
      --other-node) other_node=yes ;;
      --discard-journal) discard_journal=yes ;;
      --prefix) prefix=$value ;;
      --reconcile)
        case $value in check | apply) reconcile=$value ;; *) wrong_usage '--reconcile is check or apply' ;; esac
        ;;
      --allow-older) allow_older=yes ;;
      --config-dir) config=$value ;;
      --node) wanted_node=$value ;;
      --bundle) bundle=$value ;;
      --state-dir) state=$value ;;
      --out) out=$value ;;
      --textfile) textfile=$value ;;
      --connections) with_connections=yes ;;
      -v | --verbose) verbose=yes ;;
      -q | --quiet) quiet=yes ;;
      --json) json=yes ;;
      -h | --help) command=help ;;
      *)
        # The script that is installed lies in no bundle.
        is_command && [ -z "$bundle" ] || wrong_usage "there is no option or command \"$option\""
        case $option in -*) wrong_usage "there is no option \"$option\"" ;; esac
        bundle=$option
        ;;
    esac
  done
  mode=retire
  [ "$drain" = yes ] || mode=exact
}

# is_command: whether this is the script that is installed.
is_command() { [ "${0##*/}" = ipvsc-apply ]; }

# Sets $bundle to the whole path of the folder, unpacked where it is an archive.
find_bundle() {
  if [ -z "$bundle" ] && is_command; then
    find_own_bundle
  elif [ -z "$bundle" ]; then
    case $0 in
      */*) bundle=${0%/*}/ ;;
      *) bundle=. ;;
    esac
  fi
  [ ! -f "$bundle" ] || unpack_archive
  named=$bundle
  bundle=$(CDPATH='' cd -- "$named" 2> /dev/null && pwd) || refuse "$named is no folder"
}

make_work() {
  # /run belongs to root; elsewhere a name has to be one that nobody could guess.
  work=/run/ipvsc.$$
  mkdir "$work" "$work/calls" "$work/have" "$work/want" "$work/now" 2> /dev/null || {
    work=$(mktemp -d "${TMPDIR:-/tmp}/ipvsc.XXXXXX") && mkdir "$work/calls" "$work/have" "$work/want" "$work/now"
  } || {
    work=''
    refuse 'no place for temporary files: make room in /run or /tmp'
  }
  first_work=$work
  use_work "$work"
}

main() {
  set_defaults
  trap on_exit EXIT
  read_words "$@"
  if [ "$command" = help ]; then
    usage
    finish 0
  fi
  make_work
  trap 'finish 4' INT TERM HUP QUIT
  watch_calls
  check_filters
  if [ "$command" = facts ]; then
    print_facts
    finish 0
  fi
  check_root
  check_trust
  # Whoever reads what this says may leave: that must not end it half way.
  case $command in check | status) ;; *) trap '' PIPE ;; esac
  [ "$command" != uninstall ] || run_command
  # These look at the node alone, and change nothing there.
  case $command in
    collect) collect_node && finish 0 ;;
    metrics) print_metrics && finish 0 ;;
  esac
  if [ "$command" = boot ]; then command=apply starting=yes converge=yes; fi
  find_bundle
  copy_bundle
  take_newer_script
  [ "$renewed" = no ] || go_on_with_newer "$@"
  read_configuration "$copy/bundle.conf"
  check_signed_node
  case $command in
    confirm | expire | rollback | drain) check_sums configuration ;;
  esac
  [ "$command" = install ] || preflight
  run_command
}

run_command() {
  case $command in
    check | status) find_runs ;;
  esac
  case $command in
    check) check_bundle ;;
    status) show_status ;;
  esac
  take_lock
  locked_state=yes
  find_runs
  case $command in
    confirm) confirm_run ;;
    expire) expire_run ;;
    uninstall) uninstall_here ;;
    install) forget_other_boots ;;
    *) recover ;;
  esac
  case $command in
    apply) apply_bundle ;;
    install) install_here ;;
    rollback) thresholds=yes && go_back ;;
    drain) drain_retired ;;
    cleanup) clean_up ;;
  esac
}
