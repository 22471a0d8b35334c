"""Know the secret values of this run and blot them out of any text that leaves the process."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote

BLOT = "[secret]"
SHORTEST = 4
"""Shorter values would blot out half of every message; a credential is longer."""

# What the texts of others give away: a header quoted back, an OAuth base string (consumer key and token are in it).
GIVEAWAYS = re.compile(
    r"(?i)((?:authorization|cookie)[\"']?\s*[:=]\s*)[^\r\n]+"
    r"|(oauth_(?:signature_base_string|signature|token|token_secret|consumer_key|verifier)=\"?)[^&\s,\"]+"
)


class Redactor:
    """A function from text to text in which no secret of this run is left."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Blot out these as well from now on, such as tokens that were only given to us during the run."""
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        # Longest first: a secret may contain another. A new list, since other threads may be at the old one.
        self._forms = sorted(forms.union(self._forms), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, BLOT)
        return GIVEAWAYS.sub(lambda m: (m.group(1) or m.group(2)) + BLOT, text)


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
