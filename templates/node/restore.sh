# --- the way back ----------------------------------------------------------------------------------------------

# Nothing that was read or worked out counts any more, nor takes room.
empty_work() {
  rm -rf "$work/have" "$work/want" "$work/now" "$work/added" "$work/removed"
  mkdir "$work/have" "$work/want" "$work/now"
}

# use_work FOLDER: where what is read and worked out lies.
use_work() {
  work=$1
  errors=$work/errors
  seen=$work/now
}

# Others may have taken the room that /run had: there may be some in the state directory.
move_work() {
  folder=$(CDPATH='' cd -- "$state" && pwd)/work.$$
  mkdir "$folder" "$folder/calls" "$folder/have" "$folder/want" "$folder/now" 2> /dev/null || return 1
  kill "$watcher" 2> /dev/null
  use_work "$folder"
  watch_calls
}

# Leads back to the state before. 0: it is back.
restore() {
  trap '' INT TERM HUP QUIT
  # Half way back, there is nothing left to confirm.
  [ ! -s "$journal/confirm" ] || true > "$journal/confirm" || return 1
  say note 'going back to the state before'
  release_room
  problem="cannot write to $work: is there room?"
  true > "$work/counts" || return 1
  (
    read_scope "$journal/scope" || {
      say error "$journal/scope is damaged"
      exit 1
    }
    use_flavour
    stepping=no servers_to='' thresholds=yes
    empty_work && call cp cp "$journal/before/state" "$journal/before/rules" "$work/want/" &&
      read_node "$work/have" && state_of "$work/have" && work_out exact && load && verify || {
      say error "$problem"
      exit 1
    }
  )
  back=$?
  take_counts
  # Whatever follows reads for itself.
  empty_work
  [ "$back" -eq 0 ] || return 1
  if [ -s "$journal/before/draining" ]; then
    write_file "$state/draining" < "$journal/before/draining" || return 1
  else
    rm -f "$state/draining"
  fi
  true > "$journal/begun"
}

# What was laid out last was a way back.
take_counts() {
  { read -r undone < "$work/counts"; } 2> /dev/null || undone=''
  rm -f "$work/counts"
}

# A run before this one did not end: its way back comes first.
recover() {
  forget_other_boots
  [ "$dry_run" = yes ] || settle "$last" || :
  unfinished || return 0
  [ "$dry_run" = no ] || refuse 'a run before this one did not end: its way back comes before anything that this could show'
  if [ "$discard_journal" = yes ]; then
    give_up_journal
    return 0
  fi
  journal_is_whole || refuse_damage "$journal/$damage"
  # Its own way back is what a rollback is asked for.
  [ "$command" != rollback ] || return 0
  if [ -s "$journal/confirm" ]; then
    read_number "$journal/confirm"
    until=$number
    uptime_seconds
    [ "$command" = expire ] || [ "$now" -ge "$until" ] ||
      refuse "a run waits to be confirmed for $((until - now)) s more: run \"apply.sh confirm\" or \"apply.sh rollback\""
  fi
  say warning 'a run before this one did not end'
  restore && return 0
  say error 'the state before is not back; run this again'
  report failed
  finish 6
}

# What still loads has to end before anything leads back.
end_loading() {
  said=$problem
  [ -z "$child" ] || wait "$child" 2> /dev/null || :
  running="$running $others"
  join || :
  problem=$said
}

# A second try, for which there is room at least.
restore_elsewhere() {
  first=$undone
  move_work || return 1
  say note "once more, with files in $state"
  restore && back=0 || back=1
  # What the first one had led back, the second one finds in its place.
  [ -n "$undone" ] || undone=$first
  return "$back"
}

# fail: the way back of a run that went wrong.
fail() {
  trap '' INT TERM HUP QUIT
  end_loading
  say error "$problem"
  if restore || restore_elsewhere; then
    report restored
    finish 1
  fi
  say error 'the state before is not back; run this again'
  report failed
  finish 6
}
