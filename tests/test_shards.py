"""A site that is copied by several workers, each its own projects, as the example for Kubernetes does it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from tap_jira.config import ENVIRONMENT_PREFIX, Config
from tap_jira.simulator import Credentials, Site, World, serve
from tests.conftest import Tap

EXAMPLES = Path(__file__).parent.parent / "examples"
SHARDS, VOLUME, CRON = yaml.safe_load_all((EXAMPLES / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8"))
JOB = CRON["spec"]["jobTemplate"]["spec"]
POD = JOB["template"]["spec"]


def names_of(index: int) -> dict[str, str]:
    """What the file of a shard sets, as a shell reads it."""
    lines = SHARDS["data"][f"shard-{index}"].splitlines()
    return dict(" ".join(shlex.split(line)).split("=", 1) for line in lines)


ENVIRONMENTS = [names_of(index) for index in range(JOB["completions"])]


def test_the_shards_are_the_whole(tap: Tap) -> None:
    """The shards together send each issue once, with the content that a run without shards sends."""
    whole = tap().records("jira_issues")

    shards = [record for names in ENVIRONMENTS for record in tap(environment=names).records("jira_issues")]

    assert sorted(shards, key=lambda record: record["id"]) == sorted(whole, key=lambda record: record["id"])
    assert all(tap(environment=names).records("jira_issues") for names in ENVIRONMENTS)


def test_an_issue_that_moves_to_another_shard(tap: Tap, site: Site) -> None:
    """An issue that gets a project of another shard comes from that one, under its id; the old one says nothing."""
    states = [tap(environment=names).state for names in ENVIRONMENTS]
    before = {record["id"]: record["key"] for record in tap().records("jira_issues")}
    # Of some issues the next project, which is where the simulated site moves them, is another shard's.
    moved = [(issue_id, _shard(key), _next(site, key)) for issue_id, key in before.items()]
    issue_id, old, key = next(move for move in moved if move[1] != _shard(move[2]))
    site.world.move(int(issue_id))

    sent = [
        {record["id"]: record["key"] for record in tap(environment=names, state=state).records("jira_issues")}
        for names, state in zip(ENVIRONMENTS, states, strict=True)
    ]

    assert [issue_id in records for records in sent] == [shard == _shard(key) for shard in range(len(sent))]
    assert issue_id not in sent[old]
    assert sent[_shard(key)][issue_id].startswith(f"{key}-")


def _next(site: Site, issue_key: str) -> str:
    keys = site.world.project_keys
    return keys[(keys.index(issue_key.rpartition("-")[0]) + 1) % len(keys)]


def _shard(key: str) -> int:
    """The index of the shard that a project belongs to, or an issue of it."""
    project = key.rpartition("-")[0] or key
    named = (n for n, names in enumerate(ENVIRONMENTS) if project in names.get("TAP_JIRA_PROJECTS", "").split())
    return next(named, len(ENVIRONMENTS) - 1)


def test_the_last_shard_is_the_rest() -> None:
    """Whatever project the others name, and nothing else, is excluded from the last shard; none is named twice."""
    named = [key for names in ENVIRONMENTS[:-1] for key in names["TAP_JIRA_PROJECTS"].split()]
    excluded = ENVIRONMENTS[-1]["TAP_JIRA_JQL"].removeprefix("project not in (").removesuffix(")").split(", ")
    excluded = [key.strip('"') for key in excluded]

    assert sorted(named) == sorted(set(named))
    assert sorted(excluded) == sorted(named)


def test_one_shard_has_the_other_tables() -> None:
    """All shards but one send the issues alone, so that no two write the same rows."""
    assert [names["TABLES"] for names in ENVIRONMENTS] == ["jira_issues", "jira_issues", ""]


def test_names_are_keys_of_the_tap() -> None:
    """What the shards and the Secret set are keys of the configuration."""
    known = {ENVIRONMENT_PREFIX + option.name.upper() for option in fields(Config)} | {"TABLES"}

    assert {name for names in ENVIRONMENTS for name in names} <= known
    assert "secretRef" in POD["containers"][0]["envFrom"][0]
    assert (
        not {option.name for option in fields(Config) if option.metadata["secret"]}
        & json.loads(SHARDS["data"]["config.json"]).keys()
    )


def test_no_two_runs_of_a_shard_at_a_time() -> None:
    """A run waits for the one before it; all shards run at once, and one that fails stops none of the others."""
    assert CRON["spec"]["concurrencyPolicy"] == "Forbid"
    assert JOB["completionMode"] == "Indexed"
    assert sorted(SHARDS["data"]) == ["config.json", *(f"shard-{n}" for n in range(JOB["parallelism"])), "target.json"]
    assert (JOB["backoffLimitPerIndex"], POD["restartPolicy"]) == (0, "Never")


def test_names_of_the_objects_fit_together() -> None:
    """What the pod mounts is made by the same file."""
    shards, states, _ = POD["volumes"]

    assert shards["configMap"]["name"] == SHARDS["metadata"]["name"]
    assert states["persistentVolumeClaim"]["claimName"] == VOLUME["metadata"]["name"]
    assert {mount["name"] for mount in POD["containers"][0]["volumeMounts"]} == {v["name"] for v in POD["volumes"]}


@pytest.mark.skipif(not shutil.which("flock"), reason="sync.sh needs flock")
def test_the_script_of_a_pod(tmp_path: Path, credentials: Credentials) -> None:
    """Run for each index, the script copies every issue, the other tables once, and keeps a state for each shard."""
    shards = tmp_path / "shards"
    shards.mkdir()
    for name, text in SHARDS["data"].items():
        (shards / name).write_text(text)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sync.sh").symlink_to(EXAMPLES / "cron" / "sync.sh")
    _write_command(folder / "tap-jira", f'exec {shlex.quote(sys.executable)} -m tap_jira "$@"')
    _write_command(folder / "target.sh", f"exec {shlex.quote(sys.executable)} -c '{TARGET}'")
    world = World(seed=1, issues=60)
    with serve(Site(world, accounts=credentials.accounts)) as server:
        config = {**credentials.personal_access_token, "base_url": server.url}
        (shards / "config.json").write_text(json.dumps(config))
        names: Mapping[str, str] = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "SHARDS": str(shards),
            "STATES": str(tmp_path / "states"),
        }
        outcomes = [
            subprocess.run(
                ["bash", EXAMPLES / "kubernetes" / "shard.sh"],
                env={**names, "JOB_COMPLETION_INDEX": str(index)},
                capture_output=True,
                text=True,
                timeout=60,
            )
            for index in range(JOB["completions"])
        ]

    assert [outcome.returncode for outcome in outcomes] == [0, 0, 0], [outcome.stderr for outcome in outcomes]
    rows = [
        json.loads(line)
        for path in sorted((tmp_path / "states").glob("*/rows"))
        for line in path.read_text().splitlines()
    ]
    issues = [row["record"]["id"] for row in rows if row["stream"] == "jira_issues"]
    users = [row["record"]["key"] for row in rows if row["stream"] == "jira_users"]
    assert sorted(issues) == sorted(str(issue.id) for issue in world.issues())
    assert (len(users), len(set(users))) == (40, 40)
    states = [json.loads(path.read_text()) for path in (tmp_path / "states").glob("*/state.json")]
    assert [bool(state["bookmarks"]["jira_issues"]["updated_at"]) for state in states] == [True] * 3


TARGET = """
import json, sys
for line in sys.stdin:
    message: dict = json.loads(line)
    if message["type"] == "RECORD":
        open("rows", "a").write(line)
    if message["type"] == "STATE":
        print(json.dumps(message["value"]), flush=True)
"""
"""A target that keeps the rows in a file beside the state."""


def _write_command(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
