#!/usr/bin/env bash
# Copy Jira into the warehouse once, and keep the state so that nothing is lost whatever goes wrong. For cron:
#
#   */30 * * * * /srv/jira/sync.sh
#
# The folder of this script holds config.json, catalog.json and target.json; sync.log, state.json and the lock come
# beside them. Three variables may be set to say otherwise:
#   SYNC_FOLDER   the folder
#   TAP           the tap's command
#   TARGET        the target's command
set -uo pipefail

cd "${SYNC_FOLDER:-$(dirname "$0")}" || exit 2
tap=${TAP:-tap/bin/tap-jira}
target=${TARGET:-target/bin/target-duckdb}
umask 077
exec >>sync.log 2>&1

# One run at a time. The lock is let go when the last of the tap, the target and this script has ended.
exec 9>sync.lock
flock --nonblock 9 || { echo "$(date -u +%FT%TZ) skipped: the run before this one is still at work"; exit 0; }

echo "$(date -u +%FT%TZ) start"
state=()
[ -s state.json ] && state=(--state state.json)
"$tap" --config config.json --catalog catalog.json "${state[@]+"${state[@]}"}" | "$target" --config target.json >states.new
codes=("${PIPESTATUS[@]}")

# The target prints a state when all that came before it is stored. So the last one that it printed is good even if
# the run failed later. If there is none, or it is cut off, what we have stays.
python3 - states.new state.json <<'PYTHON'
import json, os, sys

def is_state(line):
    try:
        return isinstance(json.loads(line).get("bookmarks"), dict)
    except (ValueError, AttributeError):
        return False

states, kept = sys.argv[1:]
good = [line for line in open(states, encoding="utf-8", errors="replace") if is_state(line)]
if good:
    with open(kept + ".part", "w", encoding="utf-8") as file:
        file.write(good[-1])
        file.flush()
        os.fsync(file.fileno())
    os.replace(kept + ".part", kept)
PYTHON
kept=$?

echo "$(date -u +%FT%TZ) end: the tap ended with ${codes[0]}, the target with ${codes[1]}"
[ "${codes[0]}" -eq 0 ] || exit "${codes[0]}"
[ "${codes[1]}" -eq 0 ] || exit "${codes[1]}"
exit "$kept"
