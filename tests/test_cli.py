"""The command line: its options, its exit codes, and what a run takes from the machine."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tap_jira import __version__, cli
from tap_jira.simulator import Site
from tests.conftest import TOKEN, Tap
from tests.fakes import BASE, Time, run_tap

STREAMS = [
    "jira_issues",
    "jira_projects",
    "jira_project_categories",
    "jira_project_roles",
    "jira_project_types",
    "jira_resolutions",
    "jira_users",
    "jira_fields",
]
"""Those selected by default."""


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command is told with those that are, and how to discover and sync."""
    assert cli.main(["sync"]) == 2

    said = capsys.readouterr().err
    assert "'sync' is no command: there are keygen, authorize, check, simulate" in said
    assert "tap-jira --config FILE --discover" in said


def test_discovery_prints_the_catalog_and_nothing_else(tap: Tap) -> None:
    """--discover prints one JSON document with all streams on stdout."""
    outcome = tap("--discover")

    assert outcome.code == 0
    assert [entry["tap_stream_id"] for entry in json.loads(outcome.output)["streams"]] == [
        STREAMS[0],
        "jira_issue_comments",
        "jira_issue_changelogs",
        "jira_worklogs",
        *STREAMS[1:],
        "jira_versions",
        "jira_components",
    ]


def test_messages_of_a_sync(tap: Tap) -> None:
    """All SCHEMAs come first, then the state read in, then records, and a STATE last."""
    messages = tap().messages

    kinds = [message["type"] for message in messages]
    assert [message["stream"] for message in messages[: len(STREAMS)]] == STREAMS
    assert kinds[: len(STREAMS) + 2] == ["SCHEMA"] * len(STREAMS) + ["STATE", "RECORD"]
    assert kinds.count("SCHEMA") == len(STREAMS)
    assert kinds[-1] == "STATE"


@pytest.mark.parametrize(
    "names",
    [
        ("--config", "--catalog", "--state"),
        ("-c", "--catalog", "-s"),
        ("-c", "-p", "-s"),
        ("--config", "--properties", "--state"),
    ],
)
def test_the_options_of_singer(tap: Tap, site: Site, time: Time, tmp_path: Path, names: tuple[str, str, str]) -> None:
    """Every option works by its long name, its short one and its old one."""
    first = tap()
    catalog = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = entry["stream"] in ("jira_resolutions", "jira_issues")
    argv: list[str] = []
    values: list[Any] = [{"base_url": BASE, "personal_access_token": TOKEN}, catalog, first.state]
    for name, value in zip(names, values, strict=True):
        path = tmp_path / f"file-{len(argv)}.json"
        path.write_text(json.dumps(value))
        argv += [name, str(path)]
    site.world.edit(10020)

    outcome = run_tap(argv, site, time)
    assert outcome.code == 0
    assert [message["stream"] for message in outcome.of_type("SCHEMA")] == ["jira_issues", "jira_resolutions"]
    assert [record["id"] for record in outcome.records("jira_issues")] == ["10020"]


def test_short_discover(tap: Tap) -> None:
    """-d is --discover."""
    assert tap("-d").output == tap("--discover").output


def test_everything_from_the_environment(site: Site, time: Time) -> None:
    """Without a config file the environment is enough."""
    environment = {"TAP_JIRA_BASE_URL": BASE, "TAP_JIRA_PERSONAL_ACCESS_TOKEN": TOKEN}

    assert run_tap(["--discover"], site, time, environment=environment).code == 0


def test_the_config_is_not_written(tap: Tap, tmp_path: Path, config: dict[str, Any]) -> None:
    """A sync leaves the configuration as it was, and needs it no more once it runs."""
    tap()

    assert json.loads((tmp_path / "config.json").read_text()) == config
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]


def test_a_file_with_a_byte_order_mark(tap: Tap, config: dict[str, Any]) -> None:
    """A config saved by a Windows editor is read."""
    assert tap("--discover", config="\ufeff" + json.dumps(config)).code == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["--help"], 0), (["--version"], 0), (["--bogus"], 2), (["--config"], 2), (["surplus"], 2), (["--stat", "x"], 2)],
)
def test_main_returns_its_code(argv: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """main gives the exit code back to whoever called it, also for help and for options that do not exist."""
    assert cli.main(argv) == code
    assert (capsys.readouterr().out == "") is (code != 0)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version says which one this is."""
    cli.main(["--version"])

    assert capsys.readouterr().out == f"tap-jira {__version__}\n"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_is_quick(option: str) -> None:
    """Help and version need neither HTTP nor cryptography, so those are not loaded for them."""
    program = (
        "import sys; from tap_jira import cli; code = cli.main([sys.argv[1]]); "
        "print(code, sorted({'requests', 'cryptography', 'singer', 'oauthlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program, option], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "0 []"


def test_an_unexpected_failure_shows_where(tap: Tap) -> None:
    """A fault of our own ends with 1 and a traceback, and asks to be reported."""

    class Broken:
        def send(self, request: object) -> None:
            raise ZeroDivisionError("of the test")

    outcome = tap(to=Broken())

    assert outcome.code == 1
    assert outcome.logged("CRITICAL") == ["CRITICAL unexpected failure; please report it with these lines"]
    assert "ZeroDivisionError: of the test" in outcome.log


class ClosedAfter(io.BytesIO):
    """A pipe whose reader goes away after so many bytes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most:
            raise BrokenPipeError
        return super().write(data)


@pytest.mark.parametrize("argv", [[], ["--discover"]])
@pytest.mark.parametrize("most", [0, 2000])
def test_a_target_that_goes_away(tap: Tap, argv: list[str], most: int) -> None:
    """When nobody reads the output any more, sync and discovery end with 141 and one line."""
    outcome = tap(*argv, out=ClosedAfter(most))

    assert outcome.code == 141
    assert outcome.logged("CRITICAL") == ["CRITICAL whoever read our output has gone away; look at the target's log"]
    assert outcome.logged("ERROR") == []
    assert "Traceback" not in outcome.log


def test_nothing_selected_is_worth_a_warning(tap: Tap) -> None:
    """A catalog that selects nothing syncs nothing, and says so."""
    catalog = json.loads(tap("--discover").output)
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = False
    outcome = tap(catalog=catalog)

    assert outcome.code == 0
    assert [message["type"] for message in outcome.messages] == ["STATE", "STATE"]
    assert any("no stream is selected" in line for line in outcome.logged("WARNING"))


def test_signals_are_handled_as_before_afterwards(tap: Tap, site: Site) -> None:
    """After a run, interrupted or not, the handlers of signals are those of whoever called."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    tap("--discover")

    def interrupt(request: Any, response: Any) -> None:
        site.after_request = None
        os.kill(os.getpid(), signal.SIGTERM)

    site.after_request = interrupt
    assert tap("--discover").code == 143

    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_good_order(tap: Tap, site: Site, number: int) -> None:
    """A signal stops the run, the last line is a STATE, and the next run goes on from there without loss."""
    sent = []

    def interrupt(request: Any, response: Any) -> None:
        if "/projectCategory" in request.url:
            sent.append(number)
            os.kill(os.getpid(), number)

    site.after_request = interrupt
    outcome = tap()
    site.after_request = None

    assert sent == [number]
    assert outcome.code == 128 + number
    assert outcome.logged("CRITICAL") == [f"CRITICAL stopped by signal {int(number)}"]
    assert outcome.messages[-1]["type"] == "STATE"
    assert "updated_at" in outcome.state["bookmarks"]["jira_issues"]
    assert "currently_syncing" not in outcome.state


def test_a_run_on_another_thread(tap: Tap) -> None:
    """main works on a thread that may not set handlers of signals."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(tap("--discover").code))
    thread.start()
    thread.join()

    assert codes == [0]
