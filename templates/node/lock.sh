# --- the lock -------------------------------------------------------------------------------------------------

take_lock() {
  if [ ! -d "$state" ]; then
    mkdir -p "$state" 2> "$errors" || refuse "cannot make $state ($(cat "$errors")): $state_advice"
    check_trust
  fi
  has flock || refuse 'flock is not installed: install util-linux, or a busybox that has it'
  # Whatever it leads to is not ours to write to.
  [ ! -L "$state/lock" ] && { [ ! -e "$state/lock" ] || [ -f "$state/lock" ]; } || refuse "$state/lock is no file of its own: remove it"
  { true >> "$state/lock"; } 2> "$errors" || refuse "cannot write to $state ($(cat "$errors")): $state_advice"
  exec 9>> "$state/lock"
  uptime_seconds
  until=$((now + wait))
  flock -n 9 && remove_remains && return 0
  [ "$wait" -eq 0 ] || say note 'another run holds the lock: waiting'
  # That of busybox cannot wait for a time.
  while [ "$now" -lt "$until" ]; do
    sleep 1
    flock -n 9 && remove_remains && return 0
    uptime_seconds
  done
  say error "another run holds the lock of $state: try again when it has ended"
  report locked
  finish 5
}

# What runs that were killed left.
remove_remains() {
  for folder in /run/ipvsc.[0-9]*; do
    [ ! -d "$folder" ] || [ -d "/proc/${folder##*.}" ] || rm -rf "$folder"
  done
  for folder in "$state"/unpacked.[0-9]*; do
    [ ! -d "$folder" ] || [ -d "/proc/${folder##*.}" ] || rm -rf "$folder"
  done
  # Made by whoever holds the lock.
  for folder in "$state"/work.[0-9]*; do
    [ ! -d "$folder" ] || rm -rf "$folder"
  done
}
