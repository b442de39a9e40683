# --- what comes back after a restart ----------------------------------------------------------------------------
#
#   STATE-DIR/installed   where script and units were put ("prefix DIR", "units DIR", "reconcile MODE")
#   STATE-DIR/kept/ID/    whole bundles, named by the SHA-256 of their SHA256SUMS
#   STATE-DIR/kept/list   which of them comes back ("current ID") and which one did before ("before ID"): a rename decides it
#   STATE-DIR/accepted    the last signed bundle that ended well (signed.sh)
#
# These have to survive a loss of power.

is_installed() { [ -s "$state/installed" ]; }

# Sets $kept_current and $kept_before; empty: none.
read_kept() {
  kept_current='' kept_before=''
  while read -r key value; do
    is_id "$value" || continue
    case $key in
      current) kept_current=$value ;;
      before) kept_before=$value ;;
    esac
  done 2> /dev/null < "$state/kept/list"
}

# is_id WORD: whether it is a SHA-256.
is_id() {
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  [ "${#1}" -eq 64 ]
}

# Sets $id, by which a bundle is kept.
name_bundle() {
  id=$(sha256sum < "$copy/SHA256SUMS") || refuse "cannot write to $work: is there room?"
  id=${id%% *}
}

# keep_bundle: lays the bundle beside those that are kept, before anything is touched; it comes back when it has ended well.
keep_bundle() {
  comes_back=none
  is_installed || return 0
  name_bundle
  comes_back=$id
  kept=$state/kept/$id
  if [ -d "$kept" ] && is_whole "$kept"; then return 0; fi
  problem="cannot write to $state/kept: is there room?"
  rm -rf "$kept"
  read_kept
  remove_unlisted "$kept_current" "$kept_before"
  mkdir -p "$kept.new/delta" 2> "$errors" || refuse "$problem"
  copy_to_keep "$kept.new" || { rm -rf "$kept.new"; refuse "cannot keep the bundle in $state/kept: is there room? ($problem)"; }
  is_whole "$kept.new" || { rm -rf "$kept.new"; refuse 'the bundle is damaged, or changes while it is read: carry it over again'; }
  call mv mv "$kept.new" "$kept" && call sync sync "$kept"/* "$kept" "$state/kept" || { rm -rf "$kept.new"; refuse "cannot keep the bundle in $state/kept: $problem"; }
}

# copy_to_keep FOLDER: all that SHA256SUMS names, and what vouches for it, which have been verified in the copy.
copy_to_keep() {
  to=$1
  set --
  while read -r _ name; do
    case $name in
      delta/*) ;;
      *) set -- "$@" "$bundle/$name" ;;
    esac
  done < "$copy/SHA256SUMS"
  call cp cp "$@" "$to/" || return 1
  for name in SHA256SUMS signed.conf signed.conf.sig; do
    [ ! -e "$copy/$name" ] || call cp cp "$copy/$name" "$to/" || return 1
  done
  set --
  # shellcheck disable=SC2086 # a list of names
  for name in $delta_files; do set -- "$@" "$copy/$name"; done
  [ $# -eq 0 ] || call cp cp "$@" "$to/delta/"
}

# is_whole FOLDER: whether a bundle that is kept is as it was.
is_whole() { (cd "$1" 2> /dev/null && sha256sum -c SHA256SUMS > /dev/null 2>&1); }

# settle RUN: a run has ended well, so what it brought comes back after a restart, and what it accepted is the last that was.
# Done again, it changes nothing. 1: that could not be written.
settle() {
  if [ -s "$1/after/accepted" ]; then
    { limited cat "$1/after/accepted" | write_file "$state/accepted"; } 2> /dev/null || return 1
  fi
  is_installed || return 0
  wanted=''
  { read -r wanted < "$1/after/comes-back"; } 2> /dev/null || return 0
  read_kept
  [ "$wanted" != "${kept_current:-none}" ] || return 0
  case $wanted in
    none) ;;
    *) is_id "$wanted" && [ -d "$state/kept/$wanted" ] || return 0 ;;
  esac
  list_kept "$wanted" "${kept_current:-$kept_before}"
}

# list_kept CURRENT BEFORE: writes STATE-DIR/kept/list; bundles that are not in it go.
list_kept() {
  printf 'current %s\nbefore %s\n' "$1" "$2" | write_file "$state/kept/list" 2> /dev/null || return 1
  [ -s "$state/kept/list" ] || return 1
  call sync sync "$state/kept/list" "$state/kept" || :
  remove_unlisted "$1" "$2"
}

# remove_unlisted CURRENT BEFORE: what failed runs have left.
remove_unlisted() {
  for folder in "$state"/kept/*; do
    case ${folder##*/} in "$1" | "$2" | list) ;; *) rm -rf "$folder" ;; esac
  done
}

# forget_kept: nothing comes back any more.
forget_kept() {
  is_installed || return 0
  read_kept
  [ -z "$kept_current" ] || list_kept none "$kept_current" || refuse "cannot write to $state: $state_advice"
}

# settle_or_say RUN
settle_or_say() {
  settle "$1" && return 0
  say warning "cannot write to $state: after a restart, what came back before would come back; make room and apply again"
}

# name_what_comes_back: after a way back or a cleanup, where that is another one than before.
name_what_comes_back() {
  is_installed && [ "$dry_run" = no ] || return 0
  read_kept
  if [ -z "$kept_current" ]; then
    say warning 'nothing comes back after a restart: no bundle says what the node holds now'
  else
    say note "after a restart, bundle $(printf '%.12s' "$kept_current") comes back"
  fi
}

# find_own_bundle: the one that comes back, as $bundle; what takes things away can do with the one before.
find_own_bundle() {
  find_kept && return 0
  if [ "$starting" = yes ]; then
    say note 'no bundle has ended well on this node: nothing comes back'
    report unchanged
    finish 0
  fi
  case $command in
    rollback | drain | cleanup | confirm)
      [ -z "$kept_before" ] || bundle=$state/kept/$kept_before
      [ -n "$bundle" ] || find_begun
      ;;
  esac
  [ -n "$bundle" ] || refuse 'no bundle comes back on this node: name one'
}

# find_begun: the bundle of a run that has not ended well yet, such as the first that waits to be confirmed, as $bundle; none: empty.
find_begun() {
  for file in "$state"/run.?/after/comes-back; do
    { read -r wanted < "$file"; } 2> /dev/null && is_id "$wanted" && is_whole "$state/kept/$wanted" || continue
    bundle=$state/kept/$wanted
  done
}

# find_kept: the bundle that comes back, as $bundle. Where it is damaged, the one before it. 1: there is none.
find_kept() {
  read_kept
  [ -n "$kept_current" ] || return 1
  bundle=$state/kept/$kept_current
  ! is_whole "$bundle" || return 0
  say error "the bundle that comes back is damaged: $bundle"
  [ -n "$kept_before" ] && is_whole "$state/kept/$kept_before" || refuse 'no other bundle is kept: carry it over again'
  say warning 'the bundle before it is taken instead: carry the damaged one over again'
  bundle=$state/kept/$kept_before damaged=yes
}
