trap 'echo "apply.sh: this script is cut off or damaged, and did nothing: carry it over again" >&2; exit 4' EXIT
# Brings a node to the IPVS rules of a bundle, or leaves it as it was. "sh apply.sh help" tells how to use it.
#
# This script is the same in every bundle of a release of ipvsc. What differs from node to node is data beside it:
# bundle.conf, whose values are parsed and never executed, and the files that SHA256SUMS names.
#
# What the node holds and what the bundle wants are written in one notation, as sorted lines ("state"), and
# compared. The difference is laid out as payloads and loaded in an order that makes before it breaks; then the
# node is read again and has to say what was wanted. Until then a journal keeps the state before: whatever goes
# wrong leads back to it, in this run or, after a crash, at the beginning of the next.
#
# The last line starts everything. Until then there is the trap of the first line: a script that was cut off, or that a
# shell cannot read, has done nothing, and says so.
#
# "a && b || c" is meant as it is: c runs when either of them fails. What a subshell sets is its own on purpose.
set -u
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
# Whoever closed these would make every redirection of them fail.
true >&2 || exec 2> /dev/null
{ true 3<&0; } 2> /dev/null || exec < /dev/null

SCRIPT_VERSION=development
# The format of bundle.conf; that of the release before is understood, too.
FORMAT=1
DUMMY=kube-ipvs0
# What the compiler counts with, too: the build takes it from src/kernel/setSizes.ts.
MANY_ENTRIES=development
SET_HEADROOM=development
SMALLEST_HASH_SIZE=development
ENTRIES_PER_BUCKET=development
SCHEDULERS='rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos'

# Programs of awk.
AWK_ADDRESSES=$(cat addresses.awk)
AWK_COUNTS_HELD=$(cat counts-held.awk)
AWK_DIFFERENCES=$(cat differences.awk)
AWK_JSON=$(cat json.awk)
AWK_JSON_DIFFERENCE=$(cat json-difference.awk)
AWK_JSON_TEXT=$(cat json-text.awk)
AWK_LEFT_OUT=$(cat left-out.awk)
AWK_METRICS=$(cat metrics.awk)
AWK_NATIVE=$(cat native.awk)
AWK_NETWORK=$(cat network.awk)
AWK_RECORD_STEP=$(cat record-step.awk)
AWK_REVIEWED=$(cat reviewed.awk)
AWK_RULES=$(cat rules.awk)
AWK_SERVERS=$(cat servers.awk)
AWK_SERVERS_AS_KNOWN=$(cat servers-as-known.awk)
AWK_SETS=$(cat sets.awk)
AWK_STATE=$(cat state.awk)
AWK_SUBJECTS=$(cat subjects.awk)
AWK_THRESHOLDS=$(cat thresholds.awk)
AWK_USES=$(cat uses.awk)
AWK_VERIFY_STEP=$(cat verify-step.awk)
AWK_VERSION=$(cat version.awk)
AWK_WITHOUT_RETIRED=$(cat without-retired.awk)
AWK_WORDS=$(cat words.awk)

. ./usage.sh

# Files are emptied with "true >": a ":" that cannot write would end the shell on the spot.

. ./saying.sh

. ./bundle.sh

. ./tools.sh

. ./state.sh

. ./changes.sh

. ./loading.sh

. ./trust.sh

. ./signed.sh

. ./unpack.sh

. ./kept.sh

. ./journal.sh

. ./record.sh

. ./restore.sh

. ./runlog.sh

. ./preflight.sh

. ./machine.sh

. ./families.sh

. ./obstacles.sh

. ./lock.sh

. ./reviewed.sh

. ./step.sh

. ./commands.sh

. ./applying.sh

. ./checking.sh

. ./returning.sh

. ./drain.sh

. ./collect.sh

. ./metrics.sh

. ./facts.sh

. ./install.sh

. ./renew.sh

. ./main.sh

# --- the command line -----------------------------------------------------------------------------------------

main "$@"
