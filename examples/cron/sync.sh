#!/usr/bin/env bash
# Copy Jira into the warehouse once, and keep the state so that nothing is lost whatever goes wrong. For cron:
#
#   */30 * * * * /srv/jira/sync.sh
#
# The folder of this script holds config.json, catalog.json and target.json; sync.log, state.json and the lock come
# beside them. These may be set to say otherwise:
#   SYNC_FOLDER   the folder
#   SYNC_LOG      the log, which is put aside as sync.log.1 when it has 10 MB; - for stderr
#   TAP, TARGET   the commands
# To read everything again remove state.json and states.new.
set -uo pipefail

# Cron gives neither much of a PATH nor always a HOME.
export PATH="${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin"
cd "${SYNC_FOLDER:-$(dirname "$0")}" || exit 2
export HOME="${HOME:-$PWD}"
tap=${TAP:-tap/bin/tap-jira}
target=${TARGET:-target/bin/target-duckdb}
log=${SYNC_LOG:-sync.log}
umask 077
[ "$log" = - ] || exec >>"$log" 2>&1
say() { echo "$(date -u +%FT%TZ) $*" >&2; }

# One run at a time. The lock is let go when the last of the tap, the target and this script has ended.
exec 9>sync.lock
flock --nonblock 9 || { say "skipped: the run before this one is still at work"; exit 0; }
if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt 10000000 ]; then
    mv "$log" "$log.1" && exec >>"$log" 2>&1
fi

# The target prints a state when all that came before it is stored. So the last one that it printed whole is good, even
# if the run failed later. If there is none, what we have stays.
keep_state() {
    python3 -c '
import json, os, sys

def is_state(line):
    try:
        return isinstance(json.loads(line).get("bookmarks"), dict)
    except (ValueError, AttributeError):
        return False

states, kept = sys.argv[1:]
lines = open(states, encoding="utf-8", errors="replace") if os.path.exists(states) else []
good = [line for line in lines if is_state(line)]
if good:
    with open(kept + ".part", "w", encoding="utf-8") as file:
        file.write(good[-1])
        file.flush()
        os.fsync(file.fileno())
    os.replace(kept + ".part", kept)
    os.fsync(os.open(".", os.O_RDONLY))
    os.remove(states)
' states.new state.json
}

# Of a run whose script was killed the states still lie there.
keep_state || { say "the state cannot be kept, so nothing is run"; exit 1; }
say start
state=()
[ -s state.json ] && state=(--state state.json)
"$tap" --config config.json --catalog catalog.json "${state[@]+"${state[@]}"}" | "$target" --config target.json >states.new
codes=("${PIPESTATUS[@]}")
keep_state
kept=$?
say "end: the tap ended with ${codes[0]}, the target with ${codes[1]}, keeping the state with $kept"

# The tap ends with 141 when the target went away first.
code=${codes[0]}
[ "$code" -eq 141 ] && [ "${codes[1]}" -ne 0 ] && code=${codes[1]}
[ "$code" -eq 0 ] && code=${codes[1]}
[ "$code" -eq 0 ] && code=$kept
exit "$code"
