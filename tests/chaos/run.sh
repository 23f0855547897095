#!/usr/bin/env bash
# Does to a cluster under load whatever can be done to one, and checks what its clients and upstreams saw.
# usage: run.sh BIN_DIR [OPTION_OF_NODE...]
# BIN_DIR holds holdfastd and holdfast-guard; redis-server must be installed.
# Environment:
#   SEED              repeats the random choices of a run
#   CHAOS_KINDS       the kinds of faults, by commas; all by default, see plan.mjs
#   CHAOS_ALONE       for how many seconds each kind is alone, 8 by default; 0 leaves that out
#   CHAOS_SECONDS     for how many they are mixed, 60 by default; 0 leaves that out
#   CHAOS_SESSIONS    sessions at work meanwhile; 200 by default, 60 in a sanitized build
set -euo pipefail
[[ $# -ge 1 ]] || { sed -n '2,10s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

HOLDFAST_BIN=$(cd "$1" && pwd)
export HOLDFAST_BIN
[[ -x $HOLDFAST_BIN/holdfastd ]] || { echo "no holdfastd in $HOLDFAST_BIN" >&2; exit 2; }
if grep -q __asan_init "$HOLDFAST_BIN/holdfastd"; then export HOLDFAST_SANITIZED=1; fi
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
for tool in node redis-server; do
  command -v "$tool" >/dev/null || { echo "$tool is needed" >&2; exit 2; }
done

# A minute more for each run, and twice the time for faults that must wait for others to end.
seconds=$((${CHAOS_SECONDS:-60} * 2 + ${CHAOS_ALONE:-8} * 22 + 720))
exec timeout --kill-after=10 "${HOLDFAST_TEST_SECONDS:-$seconds}" node --test --test-reporter=spec "$@" plan.test.mjs chaos.test.mjs
