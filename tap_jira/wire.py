"""Request, answer and missing answer as plain values: what client, transport and simulated Jira all speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


class Headers(dict[str, str]):
    """Header fields by name, whatever the case (RFC 9110, section 5.1)."""

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        super().__init__({name.lower(): value for name, value in (fields or {}).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass(frozen=True)
class Request:
    """One HTTP request: ``url`` is absolute and carries its query; ``signed`` whether our credentials go with it."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    signed: bool = True


@dataclass(frozen=True)
class Response:
    """One HTTP answer, its body decoded from any transfer or content coding.

    ``packed``: the same body in gzip's format, if it travelled so.
    """

    status: int
    headers: Headers
    body: bytes | bytearray
    packed: bytes | None = None

    @classmethod
    def of_json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """An answer carrying ``value`` as JSON, as Jira labels it."""
        return cls(
            status, Headers({"Content-Type": "application/json;charset=UTF-8", **(headers or {})}), orjson.dumps(value)
        )


class NetworkError(Exception):
    """No usable answer came.

    ``kind`` is one word for how it failed: ``connect`` (nobody was reached), ``proxy`` (it did not let us through),
    ``tls``, ``no_tls`` (the port speaks something else), ``timeout``, ``reset`` (the connection ended early),
    ``truncated`` (a part of the body is missing), ``redirect`` (to another host, or in a circle), ``too_large``.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail = kind, detail
