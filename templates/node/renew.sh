# --- a newer script in a bundle -----------------------------------------------------------------------------------

# take_newer_script: the script of a signed bundle takes the place of the one that is installed, if it is newer, and goes on.
take_newer_script() {
  [ -n "$signed_by" ] && is_installed && [ "$dry_run" = no ] && [ "$command" = apply ] || return 0
  read_installed
  is_command && cmp -s "$0" "$prefix/lib/ipvsc/ipvsc-apply" || return 0
  read_checksums
  check_files
  copy_newer
  version_of_bundle=$(awk -F = '$1 == "SCRIPT_VERSION" { print $2; exit }' "$work/newer/apply.sh")
  is_newer "$version_of_bundle" "$SCRIPT_VERSION" || return 0
  SCRIPT_VERSION=$version_of_bundle placed=''
  stage_script "$work/newer/apply.sh" && stage_units "$work/newer" && stage_record && move_staged || {
    clear_staged
    refuse "cannot take the script of the bundle: $problem"
  }
  ! runs_systemd || call 'systemctl daemon-reload' systemctl daemon-reload || :
  say note "the bundle brings a newer script (ipvsc $version_of_bundle), which takes the place of this one"
  renewed=yes
}

# copy_newer: script and units of the bundle in $work/newer, whole.
copy_newer() {
  # shellcheck disable=SC2086 # lists of names
  set -- apply.sh $UNITS $RECONCILE_UNITS
  mkdir "$work/newer" && copy_files "$work/newer" "$@" || refuse "cannot write to $work: is there room?"
  while read -r sum name; do
    [ ! -e "$work/newer/$name" ] || printf '%s  %s\n' "$sum" "$work/newer/$name"
  done < "$copy/SHA256SUMS" > "$work/sums"
  sums_match || refuse 'the bundle changes while it is read: carry it over again'
}

# go_on_with_newer WORDS...: the same command, by the script that is in place now.
go_on_with_newer() {
  kill "$watcher" 2> /dev/null
  rm -rf "$first_work" "$work"
  [ -z "$unpacked" ] || rm -rf "$unpacked"
  trap - EXIT INT TERM HUP QUIT
  exec sh "$prefix/lib/ipvsc/ipvsc-apply" "$@"
}

# is_newer VERSION THAN: of two versions, such as 1.10.0 and 1.9.2.
is_newer() {
  printf '%s %s\n' "$1" "$2" | awk '
    $1 !~ /^[0-9]+\.[0-9]+\.[0-9]+$/ || $2 !~ /^[0-9]+\.[0-9]+\.[0-9]+/ { exit 1 }
    {
      split($1, one, /[.-]/)
      split($2, two, /[.-]/)
      for (i = 1; i <= 3; i++) {
        if (one[i] + 0 > two[i] + 0) exit 0
        if (one[i] + 0 < two[i] + 0) exit 1
      }
      exit 1
    }'
}
