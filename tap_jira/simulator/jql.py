"""Read JQL: text in, a tree of clauses and an order out, and an error in Jira's words for anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELDS = {
    "updated": "updated", "updateddate": "updated", "created": "created", "createddate": "created",
    "project": "project", "status": "status", "issuetype": "issuetype", "type": "issuetype", "priority": "priority",
    "assignee": "assignee",
    "reporter": "reporter", "labels": "labels", "key": "key", "issue": "key", "issuekey": "key", "id": "key",
}  # fmt: skip
_SORTS = ("updated", "updateddate", "created", "createddate", "key", "issue", "issuekey")
SORTABLE = {name: FIELDS[name] for name in _SORTS}

# The words that JQL keeps to itself (Atlassian's "Reserved words" page); a project so named must be quoted.
_RESERVED = """
    abort access add after alias all alter and any as asc audit avg before begin between boolean break by byte
    catch cf char character check checkpoint collate collation column commit connect continue count create
    current date decimal declare decrement default defaults define delete delimiter desc difference distinct
    divide do double drop else empty encoding end equals escape exclusive exec execute exists explain false
    fetch file field first float for from function go goto grant greater group having identified if immediate in
    increment index initial inner inout input insert int integer intersect intersection into is isempty isnull
    join last left less like limit lock long max min minus mode modify modulo more multiply next noaudit not
    notin nowait null number object of on option or order outer output power previous prior privileges public
    raise raw remove rename resource return returns revoke right row rowid rownum rows select session set share
    size sqrt start strict string subtract sum synonym table then to trans transaction trigger true uid union
    unique update user validate values view when whenever where while with
"""
RESERVED = frozenset(_RESERVED.split())

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<symbol>!=|>=|<=|!~|[=<>~(),!]|&&?|\|\|?)
      | (?P<word>[^\s"'=<>!~(),&|+*%^$\#@\[\]{};?`:/\\]+)
      | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?\d+", re.ASCII)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", " ": " "}


class JqlError(Exception):
    """The query is refused; the text is what Jira would say."""


@dataclass(frozen=True)
class Token:
    """One piece of the text: ``kind`` is quoted, word, symbol or end."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Value:
    """An operand: ``kind`` is number (unquoted), word (unquoted), string (quoted) or empty."""

    kind: str
    text: str


@dataclass(frozen=True)
class Clause:
    """One comparison; ``in``, ``not in``, ``is`` and ``is not`` are operators like the others."""

    field: str
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Both:
    """All of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Either:
    """Any of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """Not this part."""

    part: Node


Node = Clause | Both | Either | Not


@dataclass(frozen=True)
class Query:
    """What to find, if not everything, and how to sort it."""

    where: Node | None
    order: tuple[tuple[str, bool], ...]


def parse(text: str) -> Query:
    """The query that ``text`` states; JqlError if any of it is not understood."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return tokens


def _unreadable(text: str, at: int) -> JqlError:
    at += len(text[at:]) - len(text[at:].lstrip())
    if text[at] in "\"'":
        said = f"The quoted string '{text[at + 1 :]}' has not been completed. (line 1, character {at + 1})"
    else:
        said = (
            f"The character '{text[at]}' is a reserved JQL character. You must enclose it in a string or use the "
            f"escape '\\u{ord(text[at]):04x}' instead. (line 1, character {at + 1})"
        )
    return JqlError(f"Error in the JQL Query: {said}")


def _unquote(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise JqlError(f"Error in the JQL Query: '\\{code}' is an illegal JQL escape sequence.")
        return _ESCAPES[code]

    return _ESCAPE.sub(one, text[1:-1])


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next = tokens, 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _is(self, *words: str) -> bool:
        return self._token.kind in ("word", "symbol") and self._token.text.lower() in words

    def _take(self, *words: str) -> bool:
        if self._is(*words):
            self._next += 1
            return True
        return False

    def _advance(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _wrong(self, expected: str) -> JqlError:
        token = self._token
        got = "the end of the query" if token.kind == "end" else f"'{token.text}'"
        if token.kind == "word" and token.text.lower() in RESERVED:
            said = f"{got} is a reserved JQL word. You must surround it in quotation marks to use it in a query."
        else:
            said = f"Expecting {expected} but got {got}."
        return JqlError(f"Error in the JQL Query: {said} (line 1, character {token.at + 1})")

    def query(self) -> Query:
        where = None if self._token.kind == "end" or self._is("order") else self._either()
        order = self._order() if self._take("order") else ()
        if self._token.kind != "end":
            raise self._wrong("either 'OR' or 'AND'")
        return Query(where, order)

    def _either(self) -> Node:
        parts = [self._both()]
        while self._take("or", "|", "||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._negated()]
        while self._take("and", "&", "&&"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negated(self) -> Node:
        if self._take("not", "!"):
            return Not(self._negated())
        if not self._take("("):
            return self._clause()
        inside = self._either()
        if not self._take(")"):
            raise self._wrong("')'")
        return inside

    def _clause(self) -> Clause:
        token = self._token
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.lower() in RESERVED):
            raise self._wrong("a field name")
        self._advance()
        name = _unquote(token.text) if token.kind == "quoted" else token.text
        field = FIELDS.get(name.lower())
        if field is None:
            raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
        operator = self._operator()
        return Clause(field, operator, self._values(operator))

    def _operator(self) -> str:
        for symbol in ("=", "!=", ">=", ">", "<=", "<", "in"):
            if self._take(symbol):
                return symbol
        if self._take("is"):
            return "is not" if self._take("not") else "is"
        if self._take("not"):
            if self._take("in"):
                return "not in"
            raise self._wrong("'IN'")
        raise self._wrong("operator to be one of '=', '!=', '<', '>', '<=', '>=', 'IN', 'NOT IN', 'IS' and 'IS NOT',")

    def _values(self, operator: str) -> tuple[Value, ...]:
        if operator not in ("in", "not in"):
            return (self._value(),)
        if not self._take("("):
            raise self._wrong("'('")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take(")"):
            raise self._wrong("either ')' or ','")
        return tuple(values)

    def _value(self) -> Value:
        token = self._token
        if token.kind == "quoted":
            self._advance()
            return Value("string", _unquote(token.text))
        if self._take("empty", "null"):
            return Value("empty", token.text)
        if token.kind != "word" or token.text.lower() in RESERVED:
            raise self._wrong("either a value, list or function")
        self._advance()
        if self._is("("):
            raise JqlError(f"Unable to find JQL function '{token.text}()'.")
        return Value("number" if _NUMBER.fullmatch(token.text) else "word", token.text)

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if not self._take("by"):
            raise self._wrong("'BY'")
        order = [self._sort()]
        while self._take(","):
            order.append(self._sort())
        return tuple(order)

    def _sort(self) -> tuple[str, bool]:
        token = self._advance() if self._token.kind in ("word", "quoted") else None
        if token is None:
            raise self._wrong("a field name")
        name = _unquote(token.text) if token.kind == "quoted" else token.text
        field = SORTABLE.get(name.lower())
        if field is None:
            raise JqlError(f"Not able to sort using field '{name}'.")
        return field, not self._take("desc") if not self._take("asc") else True
