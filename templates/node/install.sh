# --- installing: script and units ---------------------------------------------------------------------------------
#
#   PREFIX/lib/ipvsc/ipvsc-apply   this script, byte for byte
#   PREFIX/sbin/ipvsc-apply        the command: two lines that start it

# Each comes with the bundle; those of the second line only where they are asked for.
UNITS='ipvsc.service ipvsc-drain.service ipvsc-drain.timer'
RECONCILE_UNITS='ipvsc-reconcile.service ipvsc-reconcile.timer'

# install_here: script and units, and the bundle if the last run brought the node to it.
install_here() {
  check_files
  find_skipped
  case $prefix in
    /*[!A-Za-z0-9/._-]* | *..*) refuse "$prefix is no folder that a unit could name" ;;
    /*) ;;
    *) refuse "--prefix $prefix is not a whole path: it begins with /" ;;
  esac
  check_folder "$prefix" "$prefix/lib" "$prefix/lib/ipvsc" "$prefix/sbin" || refuse "$prefix cannot be trusted: $untrusted; make it root's alone, or name another folder with --prefix"
  has systemctl || units=''
  if [ "$dry_run" = yes ]; then
    report 'dry run'
    finish 0
  fi
  put_in_place || refuse "cannot install: $problem"
  enable_units || { take_out; say error "$problem"; report restored; finish 1; }
  keep_applied
  sum=$(sha256sum < "$prefix/lib/ipvsc/ipvsc-apply")
  say note "$prefix/sbin/ipvsc-apply is in place (ipvsc $SCRIPT_VERSION, SHA-256 of the script ${sum%% *})"
  say_how_to_start
  report installed
  finish 0
}

# put_in_place: all of it, or nothing.
put_in_place() {
  placed=''
  stage_script "$0" && stage_units "$bundle" && stage_record && move_staged && return 0
  clear_staged
  return 1
}

# clear_staged: also what is half written.
clear_staged() { for file in $placed; do rm -f "$file.new"; done; }

# stage_script FILE: $placed gets the names of what is staged beside where it will be.
stage_script() {
  target=$prefix/lib/ipvsc/ipvsc-apply
  for folder in "$prefix" "$prefix/lib" "$prefix/lib/ipvsc" "$prefix/sbin"; do
    [ -d "$folder" ] || { call mkdir mkdir "$folder" && call chmod chmod 755 "$folder"; } || return 1
  done
  placed="$placed $target $prefix/sbin/ipvsc-apply"
  call cp cp "$1" "$target.new" || return 1
  problem="$1 is not this script"
  case $(tail -n 1 "$target.new") in 'main "$@"') ;; *) return 1 ;; esac
  printf '#!/bin/sh\nexec sh %s "$@"\n' "$target" > "$prefix/sbin/ipvsc-apply.new" && has_room "$prefix/sbin" || return 1
  call chmod chmod 755 "$target.new" "$prefix/sbin/ipvsc-apply.new" && call chown chown 0:0 "$target.new" "$prefix/sbin/ipvsc-apply.new"
}

# stage_units FOLDER: with the folders of this node instead of the usual ones, and the mode of reconciling.
stage_units() {
  [ -n "$units" ] || return 0
  list=$UNITS
  [ "$reconcile" = no ] || list="$list $RECONCILE_UNITS"
  call mkdir mkdir -p "$units" || return 1
  home=$(CDPATH='' cd -P -- "$state" && pwd -P)
  problem="cannot write to $units: is there room?"
  for unit in $list; do
    placed="$placed $units/$unit"
    awk -v prefix="$prefix" -v home="$home" -v reconcile="$reconcile" '
      { gsub(/\/usr\/local\//, prefix "/"); gsub(/\/var\/lib\/ipvsc/, home) }
      /^ExecStart=.* check$/ { sub(/check$/, reconcile) }
      { print }' "$1/$unit" > "$units/$unit.new" && [ -s "$units/$unit.new" ] || return 1
    call chmod chmod 644 "$units/$unit.new" || return 1
  done
}

stage_record() {
  problem="cannot write to $state: $state_advice"
  placed="$placed $state/installed"
  printf 'prefix %s\nunits %s\nreconcile %s\nversion %s\n' "$prefix" "$units" "$reconcile" "$SCRIPT_VERSION" > "$state/installed.new" || return 1
  has_room "$state"
}

move_staged() {
  for file in $placed; do call mv mv "$file.new" "$file" || return 1; done
  # shellcheck disable=SC2086 # a list of names
  call sync sync $placed || :
}

# enable_units: from the next start on; timers from now on, where systemd runs.
enable_units() {
  [ -n "$units" ] || return 0
  timers=ipvsc-drain.timer
  if [ "$reconcile" = no ]; then
    call 'systemctl disable' systemctl disable -q ipvsc-reconcile.timer || :
    for unit in $RECONCILE_UNITS; do rm -f "$units/$unit"; done
  else
    timers="$timers ipvsc-reconcile.timer"
  fi
  now_too=''
  if runs_systemd; then
    call 'systemctl daemon-reload' systemctl daemon-reload || return 1
    now_too=--now
  fi
  # shellcheck disable=SC2086 # lists of words
  call 'systemctl enable' systemctl enable -q ipvsc.service && call 'systemctl enable' systemctl enable -q $now_too $timers
}

runs_systemd() { [ -d /run/systemd/system ]; }

# keep_applied: what the last run applied comes back, if this is it.
keep_applied() {
  if ! unfinished && was_applied "$FINGERPRINT"; then
    keep_bundle
    { printf '%s\n' "$comes_back" > "$last/after/comes-back"; } 2> /dev/null
    settle_or_say "$last"
  fi
  read_kept
  [ -n "$kept_current" ] || say note "nothing comes back after a restart until a bundle is applied: $prefix/sbin/ipvsc-apply BUNDLE"
}

say_how_to_start() {
  runs_systemd && [ -n "$units" ] && return 0
  say note "systemd does not run here. Run at each start, before kubelet and the container runtime and after what sets up the firewall:
  $prefix/sbin/ipvsc-apply boot
and every minute, to remove real servers that retired:
  $prefix/sbin/ipvsc-apply drain --quiet"
}

# read_installed: $prefix, $units and $reconcile as they were installed.
read_installed() {
  while read -r key value; do
    case $value in *[!A-Za-z0-9/._-]*) continue ;; esac
    case $key in
      prefix) prefix=$value ;;
      units) units=$value ;;
      reconcile) reconcile=$value ;;
    esac
  done < "$state/installed"
}

# take_out: script and units.
take_out() {
  if [ -n "$units" ]; then
    now_too=''
    ! runs_systemd || now_too=--now
    # shellcheck disable=SC2086 # no word, or one
    call 'systemctl disable' systemctl disable -q ipvsc.service || :
    for unit in ipvsc-drain.timer ipvsc-reconcile.timer; do
      # shellcheck disable=SC2086 # no word, or one
      [ ! -e "$units/$unit" ] || call 'systemctl disable' systemctl disable -q $now_too "$unit" || :
    done
    for unit in $UNITS $RECONCILE_UNITS; do rm -f "$units/$unit" || return 1; done
    ! runs_systemd || call 'systemctl daemon-reload' systemctl daemon-reload || :
  fi
  rm -f "$prefix/sbin/ipvsc-apply" "$prefix/lib/ipvsc/ipvsc-apply" "$state/installed" && { rmdir "$prefix/lib/ipvsc" 2> /dev/null || :; }
}

# uninstall_here: what the kernel holds stays until the next start.
uninstall_here() {
  if ! is_installed; then
    report 'not installed'
    finish 0
  fi
  read_installed
  if [ "$dry_run" = yes ]; then
    report 'dry run'
    finish 0
  fi
  take_out && rm -rf "$state/kept" || refuse "cannot remove what was installed: $problem"
  say note "the rules stay until the next start, and nothing comes back then; \"apply.sh cleanup\" removes them now"
  [ ! -e "$config/allowed_signers" ] || say note "$config stays"
  report uninstalled
  finish 0
}
