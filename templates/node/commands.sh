# --- commands -------------------------------------------------------------------------------------------------

# What the node holds, what is wanted, and the way there.
compare() {
  read_node "$work/have" && state_of "$work/have" && work_out "$1" && return 0
  refuse_for_problem
}

# Nothing to load: only counters differ at most.
nothing_to_do() { [ ! -s "$work/counts" ]; }

# The same bundle, and every tool says what it said when it had been applied.
holds_already() {
  # shellcheck disable=SC2086 # a list of names
  was_applied "$FINGERPRINT" && [ ! -s "$work/have/thresholds" ] && [ ! -s "$work/have/other-kind" ] &&
    says_as_recorded ipvs timeouts sysctls ipset bound $FAMILIES && find_taken "$last/after/state" && [ ! -s "$work/taken" ]
}

# was_applied FINGERPRINT: whether the last run applied this plan, and nothing of it is left to do.
was_applied() {
  [ "$remove_leftovers" = no ] && [ ! -s "$state/draining" ] || return 1
  { read -r known < "$last/after/fingerprint"; } 2> /dev/null && [ "$known" = "$1$skipped" ]
}

# The payloads of a dry run.
print_payloads() {
  for name in $PAYLOADS; do
    [ -s "$work/$name" ] || continue
    [ "$json" = yes ] && { printf '{"event":"payload","name":"%s","text":%s}\n' "$name" "$(json_string "$(cat "$work/$name")")"; continue; }
    printf '# %s\n' "$name"
    cat "$work/$name"
  done
}

# carry_out LABEL: loads what was laid out, all of it or nothing.
carry_out() {
  if [ "$dry_run" = yes ]; then
    print_payloads
    report 'dry run'
    finish 0
  fi
  [ "$command" != apply ] || [ "$stepping" = yes ] || remember_settings || refuse "cannot write to $state: $state_advice"
  [ "$stepping" = yes ] || reserve_room "$work"/have/* "$work"/want/* "$work"/want/* || refuse_for_problem
  { { [ "$stepping" = yes ] || prepare_journal "$work/have"; } && begin_journal; } 2> "$errors" ||
    refuse "cannot write the journal to $state: $state_advice ($(awk 'NR <= 2' "$errors"))"
  # Signals lead back, too; those that cannot be caught are seen by the next run.
  trap 'problem="interrupted"; fail' INT TERM HUP QUIT
  problem="cannot write to $state"
  load || fail
  [ "$stepping" = yes ] || in_background wanted record_wanted
  servers_to=$journal/after/servers
  verify && join || fail
  problem="cannot write to $state"
  { save_draining && record "$1"; } 2> /dev/null || fail
  if [ -n "$confirm" ]; then
    uptime_seconds
    echo $((now + confirm)) > "$journal/confirm" && watch_confirmation || fail
    trap - INT TERM HUP QUIT
    say note "run \"apply.sh confirm\" within $confirm s, or the state before comes back"
  else
    commit || fail
    trap - INT TERM HUP QUIT
    settle_or_say "$journal"
  fi
}

# Goes back by itself, also when the connection that started it is gone. 1: it has not begun to watch.
watch_confirmation() {
  problem='nobody would go back after the time to confirm: the shell that watches did not start'
  true > "$journal/watched" || return 1
  # shellcheck disable=SC2016 # expanded by that shell
  set -- sh -c 'echo yes > "$1"; sleep "$2"; shift 2; exec "$@"' sh "$journal/watched" "$confirm" \
    sh "$journal/apply.sh" expire --state-dir "$state" --wait 600 --iptables "$flavour" --limit "$limit"
  if has setsid; then
    setsid "$@" < /dev/null > "$state/expire.log" 2>&1 9>&- &
  else
    (trap '' HUP && exec "$@") < /dev/null > "$state/expire.log" 2>&1 9>&- &
  fi
  for try in 1 2 3 4 5; do
    [ ! -s "$journal/watched" ] || return 0
    sleep 1
  done
  return 1
}

preflight() {
  check_tools ipvsadm ipset iptables ip sysctl modprobe
  leave_out_families
  take_over_families
  # What goes on from a run goes on in its flavour.
  case $command in
    confirm | expire | rollback | drain) known_flavour ;;
  esac
  choose_flavour
}

# The flavour of the run that has not ended, or of the last one, since the node was started.
known_flavour() {
  [ -z "$flavour" ] || return 0
  boot_id
  { read -r known < "$state/boot"; } 2> /dev/null && [ "$known" = "$boot" ] || return 0
  find_runs
  scope=$last/after/scope
  ! unfinished || scope=$journal/scope
  flavour=$(read_scope "$scope" && printf '%s' "$flavour")
}

preflight_bundle() {
  check_versions
  check_kernel
  check_modules
  check_other_proxy
  check_prerequisites
}
