"""The tree of failures: what each means for the exit code."""

from __future__ import annotations

import signal

import pytest

from tap_jira import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.TapError("x"), 1),
        (errors.ConfigError("x"), 2),
        (errors.AuthError("x"), 3),
        (errors.RefusedError("x", 400), 3),
        (errors.ForbiddenError("x", 403), 3),
        (errors.NotFoundError("x", 404), 3),
        (errors.UnavailableError("x"), 4),
        (errors.FailedAnswerError("x"), 4),
        (errors.ReadError("x"), 4),
        (errors.TargetGoneError("x"), 141),
        (errors.InterruptedByError(signal.SIGINT), 130),
        (errors.InterruptedByError(signal.SIGTERM), 143),
    ],
)
def test_exit_codes(error: errors.TapError, code: int) -> None:
    """Each failure ends the process with the code that tells what to do next."""
    assert error.exit_code == code


def test_every_failure_is_drawn() -> None:
    """The drawing at the top of the module names every failure there is, with its code."""
    drawn = errors.__doc__ or ""
    classes = [it for it in vars(errors).values() if isinstance(it, type) and issubclass(it, errors.TapError)]

    missing = [it.__name__ for it in classes if f"{it.__name__} " not in drawn]
    assert missing == []


def test_a_permission_can_be_told_from_other_refusals() -> None:
    """What the account may not read is a refusal, and told apart from the others."""
    assert issubclass(errors.ForbiddenError, errors.RefusedError)
    assert errors.RefusedError("no", 400).status == 400
