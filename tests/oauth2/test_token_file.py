"""The file of tokens: broken, deleted, of two authorisations, or where none can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tap_jira.wire import Request, Response
from tests.atlassian import FIRST, OAUTH2, Atlassian, Issued
from tests.conftest import Tap
from tests.fakes import Time
from tests.oauth2.runs import MYSELF, grant, sender_of


def test_a_file_that_was_deleted(tap: Tap, atlassian: Atlassian, kept: Path, time: Time) -> None:
    """Without its file the tap has only the spent token, and the error says what to do and what to look for."""
    tap(to=atlassian)
    kept.unlink()
    time.seconds += 24 * 3600
    outcome = tap(to=atlassian)

    assert outcome.code == 3
    assert "POST /oauth/token was answered 403: unauthorized_client; Unknown or invalid refresh token." in outcome.log
    assert "authorise again and put the new refresh_token into the configuration" in outcome.log
    assert "see that token_file stays between runs" in outcome.log


def test_a_wrong_secret(tap: Tap, atlassian: Atlassian, config: dict[str, Any]) -> None:
    """A wrong client secret is told apart from a dead refresh token."""
    outcome = tap(to=atlassian, config={**config, "oauth_client_secret": "another-secret"})

    assert outcome.code == 3
    assert "check oauth_client_id and oauth_client_secret" in outcome.log
    assert "authorise again" not in outcome.log


def test_a_new_authorisation_wins(tap: Tap, atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """A refresh token that the file did not grow from is used in place of what is kept."""
    tap(to=atlassian)
    atlassian.issued = {"a-second-authorisation": atlassian.issued[FIRST]}
    atlassian.issued["a-second-authorisation"].spent_at = None

    assert tap(to=atlassian, config={**config, "refresh_token": "a-second-authorisation"}).code == 0


def test_two_authorisations_in_one_file(atlassian: Atlassian, config: dict[str, Any], time: Time) -> None:
    """Two configurations with refresh tokens of their own share a file and leave each other's tokens alone."""
    atlassian.issued["of-somebody-else"] = Issued("unused", 0.0)
    for _ in range(3):
        assert sender_of(atlassian, config, time).send(MYSELF).status == 200
        assert sender_of(atlassian, {**config, "refresh_token": "of-somebody-else"}, time).send(MYSELF).status == 200
        time.seconds += 24 * 3600

    assert atlassian.refreshes == 6


def test_dead_tokens_are_forgotten(atlassian: Atlassian, config: dict[str, Any], time: Time, kept: Path) -> None:
    """What grew from an authorisation that nobody used for 90 days is left out of the file."""
    sender_of(atlassian, config, time).send(MYSELF)
    time.seconds += 90 * 24 * 3600
    atlassian.issued["a-second-authorisation"] = Issued("unused", 0.0)
    sender_of(atlassian, {**config, "refresh_token": "a-second-authorisation"}, time).send(MYSELF)

    assert grant(kept)["refresh_token"] == "refresh-token-3"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": 1}',
        '{"a": {"refresh_token": "x"}}',
        '{"a": {"refresh_token": 1, "access_token": "a"}}',
        "\xff",
    ],
)
def test_a_file_that_is_broken(tap: Tap, atlassian: Atlassian, kept: Path, text: str) -> None:
    """A file that the tap did not write so is an error, the file stays as it is, and no token is spent."""
    kept.parent.mkdir()
    kept.write_bytes(text.encode("latin-1"))
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes, kept.read_bytes()) == (2, 0, text.encode("latin-1"))
    assert "is not as this tap writes it; restore it, or delete it, authorise again" in outcome.log


def test_an_empty_file_is_as_good_as_none(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """A file that was only created, as for its permissions, is filled."""
    kept.parent.mkdir()
    kept.touch()

    assert tap(to=atlassian).code == 0
    assert grant(kept)["refresh_token"] == "refresh-token-1"


def test_a_folder_that_cannot_be_written(tap: Tap, atlassian: Atlassian, unwritable: Path) -> None:
    """Where the next token cannot be kept, the one that is there is not spent, and the error says what to set."""
    outcome = tap(to=atlassian)

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "set token_file to a path in a folder that this account may write" in outcome.log


def test_a_folder_that_cannot_be_made(tap: Tap, atlassian: Atlassian, config: dict[str, Any], tmp_path: Path) -> None:
    """A path that leads through a file is an error that names it."""
    (tmp_path / "a-file").touch()
    outcome = tap(to=atlassian, config={**config, "token_file": str(tmp_path / "a-file" / "tokens.json")})

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "a-file/tokens.json cannot be read and written (" in outcome.log


def test_a_full_disk(
    tap: Tap, atlassian: Atlassian, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room is found out before the token is spent."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    config_path = tmp_path / "config.json"
    config_path.write_text(json.dumps(config))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        outcome = tap("--config", str(config_path), to=atlassian, config=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert (outcome.code, atlassian.refreshes) == (2, 0)


def test_a_token_that_could_not_be_kept(tap: Tap, atlassian: Atlassian, kept: Path) -> None:
    """Where keeping fails at the last moment, the error tells how long the old token still helps."""

    def spoil() -> None:
        kept.mkdir()

    outcome = tap(to=Watched(atlassian, spoil))

    assert (outcome.code, atlassian.refreshes, len(atlassian.asked)) == (2, 1, 1)
    assert "the new refresh token could not be saved" in outcome.log
    assert "make room and run again by then, or authorise again" in outcome.log


class Watched:
    """Calls back before each request."""

    def __init__(self, inner: Any, before: Any) -> None:
        self._inner, self._before = inner, before

    def send(self, request: Request) -> Response:
        self._before()
        response: Response = self._inner.send(request)
        return response


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_STATE_HOME": "{}/xdg", "HOME": "{}/home"}, "xdg/tap-jira"),
        ({"HOME": "{}/home"}, "home/.local/state/tap-jira"),
        ({"XDG_STATE_HOME": "relative", "HOME": "{}/home"}, "home/.local/state/tap-jira"),
    ],
)
def test_where_tokens_are_kept_by_default(
    tap: Tap, atlassian: Atlassian, tmp_path: Path, environment: dict[str, str], folder: str
) -> None:
    """Without token_file the tokens lie in the user's folder for state, in a file for this client."""
    environment = {name: value.format(tmp_path) for name, value in environment.items()}

    assert tap(to=atlassian, config=OAUTH2, environment=environment).code == 0
    assert len(list((tmp_path / folder).glob("oauth-*.json"))) == 1


def test_no_place_for_tokens(tap: Tap, atlassian: Atlassian) -> None:
    """Without a home folder token_file must be set, and no token is spent."""
    outcome = tap(to=atlassian, config=OAUTH2)

    assert (outcome.code, atlassian.refreshes) == (2, 0)
    assert "set token_file" in outcome.log
