#!/usr/bin/env bash
# Kills nodes under load and checks what their clients and upstreams saw. usage: run.sh BIN_DIR [TEST_FILE...]
# BIN_DIR holds holdfastd and holdfast-guard; redis-server must be installed.
# Environment:
#   HOLDFAST_TEST_STORE   redis (default) or sqlite
#   CRASHES               kills at random moments, 30 by default
#   SEED                  repeats the random choices of a run
set -euo pipefail
[[ $# -ge 1 ]] || { sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

HOLDFAST_BIN=$(cd "$1" && pwd)
export HOLDFAST_BIN
export HOLDFAST_TEST_STORE=${HOLDFAST_TEST_STORE:-redis}
[[ -x $HOLDFAST_BIN/holdfastd ]] || { echo "no holdfastd in $HOLDFAST_BIN" >&2; exit 2; }
if grep -q __asan_init "$HOLDFAST_BIN/holdfastd"; then export HOLDFAST_SANITIZED=1; fi
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
for tool in node redis-server; do
  command -v "$tool" >/dev/null || { echo "$tool is needed" >&2; exit 2; }
done

files=("$@")
if [[ ${#files[@]} -eq 0 ]]; then
  files=(crash.test.mjs)
  # These are of the suite itself, or need Redis: once is enough.
  [[ $HOLDFAST_TEST_STORE == redis ]] && files=(checker.test.mjs baseline.test.mjs crash.test.mjs rules.test.mjs)
fi
exec timeout --kill-after=10 "${HOLDFAST_TEST_SECONDS:-290}" node --test --test-reporter=spec "${files[@]}"
