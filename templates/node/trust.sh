# --- the state directory: whose it is, and what is read there ---------------------------------------------------
#
# What lies there is parsed, never executed, and only where nobody but root could have written it.

# check_trust: refuses a state directory that somebody else could write to, or that holds what somebody else has put there.
check_trust() {
  folder=$state
  # Of one that is not there yet, whoever can write to the folder above decides.
  while [ ! -e "$folder" ] && [ ! -L "$folder" ]; do
    case $folder in
      */*) folder=${folder%/*} folder=${folder:-/} ;;
      *) folder=. ;;
    esac
  done
  inner=$(CDPATH='' cd -P -- "$folder" 2> /dev/null && pwd -P) || refuse "$state is no folder: --state-dir names another one"
  set -- "$inner"
  [ -d "$state" ] || inner=''
  above=$1
  while [ "$above" != / ]; do
    above=${above%/*} above=${above:-/}
    set -- "$@" "$above"
  done
  [ -z "$inner" ] || set -- "$@" "$inner"/* "$inner"/run.?/* "$inner"/run.?/*/* "$inner"/kept/* "$inner"/kept/*/* "$inner"/kept/*/delta/*
  # shellcheck disable=SC2012 # for each, whose it is, what it is and who may write
  found=$(ls -ldn -- "$@" 2> /dev/null | find_untrusted)
  [ -z "$found" ] || refuse "the state directory $state cannot be trusted: $found; make it root's alone, or name another one with --state-dir"
}

# check_folder FOLDER [FILES...]: whether nobody but root can have written it, what it holds (or these files of it), and what leads to
# it. $untrusted says what is wrong.
check_folder() {
  inner=$(CDPATH='' cd -P -- "$1" 2> /dev/null && pwd -P) || {
    untrusted="$1 is no folder"
    return 1
  }
  shift
  [ $# -gt 0 ] || set -- "$inner"/*
  above=$inner
  set -- "$above" "$@"
  while [ "$above" != / ]; do
    above=${above%/*} above=${above:-/}
    set -- "$@" "$above"
  done
  # shellcheck disable=SC2012 # as above
  untrusted=$(ls -ldn -- "$@" 2> /dev/null | find_untrusted)
  [ -z "$untrusted" ]
}

# Lines of "ls -ldn": the first that somebody else than root can have written. A folder above may have a sticky bit: there,
# nobody can replace what is root's.
find_untrusted() {
  while read -r rights _ owner _ _ _ _ _ name; do
    why=''
    case $rights in
      [-d]????-??-*) ;;
      d????????[tT]*) ! is_inside "$name" || why='can be written to by others' ;;
      [-d]*) why='can be written to by others' ;;
      l*) why='is a link' ;;
      *) why='is neither a file nor a folder' ;;
    esac
    [ "$owner" = 0 ] || why="belongs to user $owner"
    [ -n "$why" ] || continue
    case $name in *[![:print:]]*) name='something in it' ;; esac
    printf '%s\n' "$name $why"
    return 0
  done
}

is_inside() {
  [ -n "$inner" ] || return 1
  case $1/ in "$inner"/*) ;; *) return 1 ;; esac
}

# read_scope FILE: sets what save_scope wrote, as a whole. 1: it is damaged.
read_scope() {
  [ -s "$1" ] || return 1
  old_ifs=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2046 # lines; "read" takes them byte by byte
  set -- $(cat "$1" 2> /dev/null)
  set +f
  IFS=$old_ifs
  [ $# -eq 10 ] || return 1
  for line in "$@"; do
    case $line in
      [A-Za-z]*=\'*\') ;;
      *) return 1 ;;
    esac
    key=${line%%=*}
    value=${line#"$key='"}
    value=${value%?}
    case $value in *[!][A-Za-z0-9_.:/\ -]*) return 1 ;; esac
    set_scope "$key" "$value" || return 1
  done
}

# set_scope KEY VALUE
set_scope() {
  case $1 in
    FAMILIES) FAMILIES=$2 ;;
    SETS) SETS=$2 ;;
    CHAINS) CHAINS=$2 ;;
    SYSCTLS) SYSCTLS=$2 ;;
    TIMEOUTS) TIMEOUTS=$2 ;;
    EXCLUDE) EXCLUDE=$2 ;;
    INCLUDE) INCLUDE=$2 ;;
    DRAIN_TIMEOUTS) DRAIN_TIMEOUTS=$2 ;;
    skipped) skipped=$2 ;;
    flavour)
      case $2 in nft | legacy) flavour=$2 ;; *) return 1 ;; esac
      ;;
    *) return 1 ;;
  esac
}

# read_number FILE: $number, which is 0 where there is none.
read_number() {
  number=''
  { read -r number < "$1"; } 2> /dev/null
  case $number in
    '' | *[!0-9]* | ?????????????*) number=0 ;;
  esac
}
