#!/bin/sh
# What a pull request changes on the nodes, as files and an exit status. Every setting is a variable, so that no text of a pull
# request is ever read by a shell:
#
#   IPVSC          the command (default: ipvsc)
#   IPVSC_FROM     the state before: git:origin/main...HEAD:deploy
#   IPVSC_TO       the state after: git:HEAD:deploy
#   IPVSC_ONTO     a snapshot that manifests are laid over; empty: none
#   IPVSC_NODES    a label selector; empty: all nodes
#   IPVSC_OPTIONS  further options of "ipvsc diff", split at spaces
#   IPVSC_FAIL_ON  error (findings), change, or never
#   IPVSC_OUT      folder for review.md, review.html, review.json, review.sarif, changed, status
#
# Writes the status that the check ends with into $IPVSC_OUT/status and ends with 0, so that the review can be shown first; a
# review that could not be made says why in review.md.
set -uf
# shellcheck disable=SC2153 # names differ in a letter
mkdir -p "$IPVSC_OUT"
# shellcheck disable=SC2086 # options are split at spaces, and nothing else happens to them
{
  set -- diff "$IPVSC_FROM" "$IPVSC_TO" --guard --quiet
  [ -z "${IPVSC_ONTO-}" ] || set -- "$@" --onto "$IPVSC_ONTO"
  if [ -n "${IPVSC_NODES-}" ]; then set -- "$@" --nodes-matching "$IPVSC_NODES"; else set -- "$@" --all-nodes; fi
  for form in markdown=review.md html=review.html json=review.json sarif=review.sarif; do
    set -- "$@" --report "${form%%=*}=$IPVSC_OUT/${form#*=}"
  done
  ${IPVSC:-ipvsc} "$@" ${IPVSC_OPTIONS-} --output text 2> "$IPVSC_OUT/problems.txt"
}
status=$?
cat "$IPVSC_OUT/problems.txt" >&2

# 0: nothing dangerous, 3: something is; everything else: there is no review.
case $status in
  0 | 3)
    changed=true
    if grep -q '^  "services": \[\],$' "$IPVSC_OUT/review.json" &&
      grep -q '^  "others": \[\],\{0,1\}$' "$IPVSC_OUT/review.json"; then
      changed=false
    fi
    ;;
  *)
    changed=failed
    {
      printf '### ipvsc: this change cannot be reviewed\n\n'
      # As code that is indented: nothing of it is Markdown.
      head -c 20000 "$IPVSC_OUT/problems.txt" | sed 's/^/    /'
    } > "$IPVSC_OUT/review.md"
    ;;
esac
case ${IPVSC_FAIL_ON:-error}/$changed in
  never/true | never/false) status=0 ;;
  change/true) status=3 ;;
esac
printf '%s\n' "$changed" > "$IPVSC_OUT/changed"
printf '%s\n' "$status" > "$IPVSC_OUT/status"
