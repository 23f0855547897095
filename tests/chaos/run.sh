#!/usr/bin/env bash
# Does to a cluster under load whatever can be done to one, and checks what its clients and upstreams saw.
# usage: run.sh BIN_DIR [TEST_FILE_OR_OPTION_OF_NODE...]
# BIN_DIR holds holdfastd and holdfast-guard; redis-server must be installed. Runs in network namespaces are left out where
# the system does not let this user have any.
# Environment:
#   SEED              repeats the random choices of a run
#   CHAOS_KINDS       the kinds of faults, by commas; all by default, see plan.mjs
#   CHAOS_ALONE       for how many seconds each kind is alone, 8 by default; 0 leaves that out
#   CHAOS_SECONDS     for how many they are mixed, 60 by default: a half over a Redis, a quarter over one that fails
#                     over, a quarter in network namespaces; 0 leaves that out
#   CHAOS_RULES       0 leaves out the runs that show what each rule is for
#   CHAOS_SESSIONS    sessions at work meanwhile; 200 by default, 60 in a sanitized build
set -euo pipefail
[[ $# -ge 1 ]] || { sed -n '2,13s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

HOLDFAST_BIN=$(cd "$1" && pwd)
export HOLDFAST_BIN
[[ -x $HOLDFAST_BIN/holdfastd ]] || { echo "no holdfastd in $HOLDFAST_BIN" >&2; exit 2; }
if grep -q __asan_init "$HOLDFAST_BIN/holdfastd"; then export HOLDFAST_SANITIZED=1; fi
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
for tool in node redis-server; do
  command -v "$tool" >/dev/null || { echo "$tool is needed" >&2; exit 2; }
done

files=(plan.test.mjs chaos.test.mjs)
[[ ${CHAOS_RULES:-1} == 0 ]] || files+=(rules.test.mjs)
[[ ${*: -1} == *.mjs ]] && files=()
# A minute more for each run, and twice the time for faults that must wait for others to end.
seconds=$((${CHAOS_SECONDS:-60} * 2 + ${CHAOS_ALONE:-8} * 28 + 1020))
# Everything listens on loopback, which a namespace has for itself, or between namespaces.
enter=()
for alone in "unshare --net" "unshare --net --map-root-user"; do
  if $alone ip link set lo up 2>/dev/null; then
    # shellcheck disable=SC2016,SC2206
    enter=($alone sh -c 'ip link set lo up; exec "$@"' -)
    export HOLDFAST_TEST_NAMESPACE=1
    break
  fi
done
exec timeout --kill-after=10 "${HOLDFAST_TEST_SECONDS:-$seconds}" \
  "${enter[@]}" node --test --test-reporter=spec "$@" "${files[@]}"
