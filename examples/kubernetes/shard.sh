#!/usr/bin/env bash
# Copy one shard of a Jira site, the one of this pod's index, by sync.sh and with a state of its own.
#
# A shard is a file in SHARDS, beside config.json and target.json, that sets TAP_JIRA_PROJECTS or TAP_JIRA_JQL, and in
# TABLES the tables that it copies, all if empty. What the site has is discovered once; remove catalog.json to do it anew.
set -euo pipefail

shards=${SHARDS:-/etc/jira}
set -a
# shellcheck source=/dev/null
. "$shards/shard-$JOB_COMPLETION_INDEX"
set +a
export SYNC_FOLDER=${STATES:-/state}/shard-$JOB_COMPLETION_INDEX SYNC_LOG=-
export TAP=${TAP:-tap-jira} TARGET=${TARGET:-target.sh}
mkdir -p "$SYNC_FOLDER"
cd "$SYNC_FOLDER"
cp "$shards/config.json" "$shards/target.json" .
if ! [ -s catalog.json ]; then
    "$TAP" --config config.json --discover >discovered.json
    # shellcheck disable=SC2086  # a word for each table
    python3 -c '
import json, sys
streams = json.load(open("discovered.json"))["streams"]
wanted = [stream for stream in streams if stream["tap_stream_id"] in sys.argv[1:] or not sys.argv[1:]]
json.dump({"streams": wanted}, open("catalog.part", "w"))
' ${TABLES:-}
    mv catalog.part catalog.json
fi
exec sync.sh
