"""Every failure the tap knows, grouped by what the person who reads it should do next.

TapError                    exit 1
├── ConfigError             exit 2   mend the configuration, the catalog or the state file
├── AuthError               exit 3   mend the credentials: Jira does not know us, or not any more
├── RefusedError            exit 3   Jira understood and said no: the request, the path or the permission
│   ├── ForbiddenError      exit 3   ... this account may not read this one thing; the others may be fine
│   └── NotFoundError       exit 3   ... this site does not have the path, or not any more
│       └── NothingFoundError exit 3 ... it has the path, and says there that what was asked for does not exist
├── UnavailableError        exit 4   try again later: Jira could not be reached, or kept failing
│   └── FailedAnswerError   exit 4   ... it was reached, and kept failing over this one thing
├── ReadError               exit 4   a part of the issues could not be read to its end without a gap
├── OutputError             exit 1   stdout cannot be written: see to the disk, or to what reads it
│   └── TargetGoneError     exit 141 ... the process that read it went away
└── InterruptedByError      exit 128 + the number of the signal

The text of each is one line: what happened, to what, what Jira said, what to do.
"""

from __future__ import annotations


class TapError(Exception):
    """A failure that is understood: its text is for the user, and no traceback is shown."""

    exit_code = 1


class ConfigError(TapError):
    """The configuration, the catalog or the state file must be changed before a run can work."""

    exit_code = 2


class AuthError(TapError):
    """Jira does not accept the credentials, or answered as if to a stranger."""

    exit_code = 3


class RefusedError(TapError):
    """Jira understood the request and will not answer it; again would not help.

    ``status`` is HTTP's, 0 if none; ``words`` is what Jira said, where that is known.
    """

    exit_code = 3

    def __init__(self, message: str, status: int = 0, words: str = "") -> None:
        super().__init__(message)
        self.status, self.words = status, words


class ForbiddenError(RefusedError):
    """The account lacks the permission for this one thing."""


class NotFoundError(RefusedError):
    """This site does not have that path."""


class NothingFoundError(NotFoundError):
    """This site has the path, and does not know what was asked for there."""


class UnavailableError(TapError):
    """Jira could not be reached, or kept failing until patience ran out."""

    exit_code = 4


class FailedAnswerError(UnavailableError):
    """Jira was there, and kept failing to answer this one request."""


class ReadError(TapError):
    """A window of issues could not be read to its end without a gap."""

    exit_code = 4


class OutputError(TapError):
    """What we write cannot be put where it should go."""


class TargetGoneError(OutputError):
    """Whoever read our messages has closed the pipe."""

    exit_code = 141


class InterruptedByError(TapError):
    """A signal asked the run to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.exit_code = 128 + signal_number
