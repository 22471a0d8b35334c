"""The command ``tap-jira keygen``."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import rsa

from tap_jira import cli
from tap_jira.simulator import Site
from tests.fakes import Outcome, Time, run_tap
from tests.test_files import full_disk


def keygen(site: Site, path: Path, *more: str, out: Any = None) -> Outcome:
    return run_tap(["keygen", "--out", str(path), *more], site, Time(), out=out)


def private_key(path: Path) -> rsa.RSAPrivateKey:
    key = pem.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def one_line(outcome: Outcome) -> str:
    (line,) = outcome.log.splitlines()
    return line


def test_a_key_pair(site: Site, tmp_path: Path) -> None:
    """The private key is in the file, for its owner alone, its public half on stdout, and no key on stderr."""
    path = tmp_path / "jira.pem"
    outcome = keygen(site, path)

    assert (outcome.code, outcome.log) == (0, "")
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    public = private_key(path).public_key()
    assert outcome.output == public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    assert public.key_size == 2048
    assert "KEY-----" not in outcome.told


def test_a_larger_key(site: Site, tmp_path: Path) -> None:
    """The size can be chosen."""
    keygen(site, tmp_path / "jira.pem", "--bits", "3072")

    assert private_key(tmp_path / "jira.pem").key_size == 3072


def test_the_guide(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names each field of both dialogs, the keys of the configuration, and the next command."""
    monkeypatch.chdir(tmp_path)
    told = keygen(site, Path("jira.pem"), "--consumer-key", 'the "tap"').told

    assert re.search(r'Consumer Key +the "tap"\n', told)
    assert re.search(r"Callback URL +leave it empty\n", told)
    assert re.search(r"2-Legged OAuth +leave it off\n", told)
    for word in ("Consumer Name", "Public Key", "Create incoming link", "Atlassian product", "External application"):
        assert word in told
    assert json.loads(re.search(r"\{.*\}", told, re.S)[0]) == {  # type: ignore[index]
        "base_url": "https://jira.example.com",
        "oauth_consumer_key": 'the "tap"',
        "oauth_private_key_file": str(tmp_path / "jira.pem"),
    }
    assert "tap-jira authorize --config config.json" in told


def test_a_key_is_never_overwritten(site: Site, tmp_path: Path) -> None:
    """Where a file is already, it stays, and one line says so."""
    path = tmp_path / "jira.pem"
    path.write_text("precious")
    outcome = keygen(site, path)

    assert (outcome.code, outcome.output, outcome.told) == (2, b"", "")
    assert f"CRITICAL {path} exists, and a key is never overwritten" in one_line(outcome)
    assert path.read_text() == "precious"


def test_no_half_key_on_a_full_disk(site: Site, tmp_path: Path) -> None:
    """Where the key does not fit on the disk, there is none, and one line says so."""
    with full_disk():
        outcome = keygen(site, tmp_path / "jira.pem")

    assert (outcome.code, outcome.output) == (1, b"")
    assert "cannot be written: File too large; no key was made" in one_line(outcome)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(site: Site, tmp_path: Path) -> None:
    """A path that cannot be is told in one line."""
    outcome = keygen(site, tmp_path / "missing" / "jira.pem")

    assert outcome.code == 1
    assert "cannot be written: No such file or directory" in one_line(outcome)


def test_a_stdout_that_is_full(site: Site, tmp_path: Path) -> None:
    """Where the public key cannot be printed, the line says that the key is made and how to see it."""
    path = tmp_path / "jira.pem"
    with Path("/dev/full").open("wb", buffering=0) as full:
        outcome = keygen(site, path, out=full)

    assert outcome.code == 1
    assert f"openssl rsa -in {path} -pubout" in one_line(outcome)
    assert path.exists()


@pytest.mark.parametrize(
    "options",
    [[], ["--out"], ["--out", "x", "--bits", "1024"], ["--out", "x", "--consumer-key", " "], ["--out", "x", "surplus"]],
)
def test_mistakes(
    options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be meant ends with 2 and an explanation, and makes no file."""
    monkeypatch.chdir(tmp_path)

    assert cli.main(["keygen", *options]) == 2
    assert "tap-jira keygen: error: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["keygen", "authorize", "simulate"])
def test_each_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the tap names the command, and the command has a help of its own."""
    assert cli.main(["--help"]) == 0
    assert f"tap-jira {command}" in " ".join(capsys.readouterr().out.split())
    assert cli.main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: tap-jira {command} ")
