"""Look for bytes that break what must hold of any bytes: ``python -m tests.fuzz SECONDS [NAME...]``.

Atheris tries ever new bytes, guided by which lines they reach; each check of ``tests.security.checks`` gets its share
of the time, in a process of its own. What breaks one is printed, as Python that a test can be made of.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tap_jira"]):
    from tests.security.checks import CHECKS, SCHEMA
from tests.security import strategies

WORDS = [
    "null",
    "true",
    "NaN",
    "Infinity",
    "1e400",
    "\\ud800",
    "\\u0000",
    '":',
    '{"',
    "}]",
    "2024-01-01T00:00:00.000+0000",
]
SEEDS: dict[str, list[object]] = {
    "config": [{"base_url": "https://jira.example.com", "personal_access_token": "x", "page_size": 5, "jql": "a = 1"}],
    "state": [strategies.GOOD_STATE],
    "tokens": [strategies.GOOD_GRANTS],
    "answer": [{"issues": [{"id": "1", "fields": {"comment": {"comments": [{}], "total": 3}}}], "total": 1}],
    "record": [
        {"id": "1", "list": [{"a": "x", "n": 1.5}], "fields": {"summary": "s", "duedate": "2024-01-01", "count": 1}},
    ],
}
"""Of what the bytes are that are changed first."""
SMALL = {"streams": strategies.good_catalog()["streams"][1:]}


def fuzz(name: str, seconds: int) -> int:
    """Look in a process of its own; how many runs there were, -1 if one failed, which is printed."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, found = Path(folder) / "corpus", Path(folder) / "found-"
        corpus.mkdir()
        seeds = [json.dumps(seed).encode() for seed in SEEDS.get(name, [])]
        seeds += [json.dumps(part).encode() for part in (strategies.good_catalog(), SMALL)] if name == "catalog" else []
        seeds += [b"429\nRetry-After: 5\nDate: Mon, 01 Jan 2024 00:00:00 GMT\n\n{}"] if name == "response" else []
        seeds += [b"2024-01-01T00:00:00.000+0130"] if name == "dates" else []
        for number, seed in enumerate(seeds):
            (corpus / str(number)).write_bytes(seed)
        words = Path(folder) / "words"
        names = [*WORDS, *_names(SCHEMA)]
        words.write_text("".join(f'"{word}"\n' for word in (json.dumps(name)[1:-1] for name in names)))
        options = [
            f"-max_total_time={seconds}",
            "-max_len=16384",
            "-timeout=30",
            "-rss_limit_mb=2048",
            f"-dict={words}",
        ]
        argv = [sys.executable, "-m", "tests.fuzz", "--one", name, *options, f"-artifact_prefix={found}", str(corpus)]
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
        broken = [path.read_bytes() for path in Path(folder).glob("found-*")]
    runs = re.findall(r"Done (\d+) runs|^#(\d+)", done.stderr, re.M)
    _say(f"{name:<10} {max((int(a or b) for a, b in runs), default=0):>10} runs")
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(("#", "INFO"))]
        _say("\n".join(said[-40:]))
        _say(f"CHECKS[{name!r}]({broken[0] if broken else b''!r})")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _names(node: dict[str, object]) -> list[str]:
    properties = node.get("properties", {})
    assert isinstance(properties, dict)
    return [*properties, *(name for part in properties.values() for name in _names(part))]


def main(argv: list[str]) -> int:
    """Fuzz the named checks, or all, for so many seconds together; 1 if one of them does not hold."""
    if argv[:1] == ["--one"]:
        check = CHECKS[argv[1]]
        atheris.Setup([sys.argv[0], *argv[2:]], lambda data: check(bytes(data)))
        atheris.Fuzz()
    names = argv[1:] or list(CHECKS)
    return max([fuzz(name, max(1, int(argv[0]) // len(names))) for name in names])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
