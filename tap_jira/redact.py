"""Know the secret values of this run and blot them out of any text that leaves the process.

The rule, for a secret and for each shape in which it may turn up (percent-encoded, in base64, ...):

1. Eight characters or more: wherever they occur, also within a word.
2. Fewer, if it is no plain word (``hunter2``, ``4711``): wherever it stands by itself, not within a longer word.
3. A plain word of fewer (``wrong``), or fewer than four characters: where it stands as a value, that is behind ``=``,
   ``:`` or a quotation mark, behind ``Basic`` or ``Bearer``, or alone on a line. In running text it would be one word
   among others, which tells nobody that it is the secret, and blotting it out there would both garble our own sentences
   and show which word the secret is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote

BLOT = "[secret]"
LONG = 8
"""Characters from which on a value is blotted out even within a word; a credential is mostly longer."""
SHORTEST_ALONE = 4
PLAIN_WORD = re.compile(r"[A-Za-z]?[a-z]+")

_ESCAPED = r"(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])"
"""Two ways in which what is no part of a word may end with a letter: ``%3A`` and ``\\n``."""
_BEFORE_A_VALUE = (r"(?<=[=:\"'`])", r"(?<=[=:] )", r"(?<=%3[ADad])", r"(?<=(?i:basic) )", r"(?<=(?i:bearer) )")

# What the texts of others give away: a header quoted back, an OAuth base string (consumer key and token are in it).
GIVEAWAYS = re.compile(
    r"(?i)((?:authorization|cookie)[\"']?\s*[:=]\s*)[^\r\n]+"
    r"|(oauth_(?:signature_base_string|signature|token|token_secret|consumer_key|verifier)=\"?)[^&\s,\"]+"
)


class Redactor:
    """A function from text to text in which no secret of this run is left."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: dict[str, re.Pattern[str]] = {}
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Blot out these as well from now on, such as tokens that were only given to us during the run."""
        known = dict(self._forms)
        known.update((form, _pattern(form)) for secret in secrets for form in _forms(secret) if form)
        # Longest first: a secret may contain another. A new table, since other threads may be at the old one.
        self._forms = {form: known[form] for form in sorted(known, key=len, reverse=True)}

    def __call__(self, text: str) -> str:
        for form, pattern in self._forms.items():
            if form in text:
                text = pattern.sub(BLOT, text)
        return GIVEAWAYS.sub(lambda m: (m.group(1) or m.group(2)) + BLOT, text)


def _pattern(form: str) -> re.Pattern[str]:
    """Where this shape of a secret is blotted out, by the rule above."""
    itself = re.escape(form)
    if len(form) >= LONG:
        return re.compile(itself)
    alone = rf"(?:(?<!\w)|{_ESCAPED}){itself}(?!\w)"
    if len(form) >= SHORTEST_ALONE and not PLAIN_WORD.fullmatch(form):
        return re.compile(alone)
    return re.compile("|".join([*(before + alone for before in _BEFORE_A_VALUE), rf"(?m:^){itself}(?m:$)"]))


def of_proxies(environment: Mapping[str, str]) -> list[str]:
    """The credentials in the addresses of proxies that the environment names."""
    found: list[str] = []
    for name, address in environment.items():
        if name.lower().endswith("_proxy") and "@" in address:
            login = address.rpartition("@")[0].rpartition("//")[2]
            password = login.partition(":")[2]
            found += [login, password, unquote(login), unquote(password)]
    return found


def _forms(secret: str) -> Iterable[str]:
    """The shapes in which one secret may turn up: itself, percent-encoded, in base64, line by line, escaped in JSON."""
    stripped = secret.strip()
    yield stripped
    encoded = quote(stripped, safe="")
    # As it is, as a form encodes it, and once more, as in the base string of OAuth 1.0a.
    yield from (encoded, quote_plus(stripped), quote(encoded, safe=""))
    yield base64.b64encode(stripped.encode()).decode()
    yield stripped.encode("unicode_escape").decode()
    # A key may have come with its line ends written as a backslash and an n.
    lines = stripped.replace("\\n", "\n").splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if not line.startswith("-----"))
