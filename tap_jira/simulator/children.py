"""What hangs on an issue: comments, worklogs, changes, attachments; they grow with its edits and never change."""

from __future__ import annotations

from typing import Any

from tap_jira.simulator.facts import Issue, mix, stamp
from tap_jira.simulator.tables import Tables

Json = dict[str, Any]

_WORDS = (
    "Das Formular verliert die Eingabe, wenn die Sitzung abläuft.",
    "Steps: open the board, drag a card, reload — the card is back 🐛.",
    "See [the wiki|https://wiki.example.com/x/Qw] and {code}SELECT 1;{code}",
    "Reproduced on the staging system with 12 % packet loss.",
    "リリースノートにも追記してください。",
    "The customer asked again; \"soon\" is not an answer \\o/",
    "Nach dem Update auf 9.12 tritt der Fehler nicht mehr auf.",
    "Stack trace attached.\r\n\tat com.example.Foo.bar(Foo.java:42)",
    "Firefox не воспроизводит ошибку.",
    "h3. Acceptance\n* one\n* two\n* naïve façade — ça marche ✅",
)  # fmt: skip


def text(bits: int, sentences: int) -> str:
    """A few sentences, not all of them ASCII."""
    return " ".join(_WORDS[(bits >> 5 * n) % len(_WORDS)] for n in range(sentences))


def _count(seed: int, issue: Issue, salt: int, usual: int, many: int, place: int) -> int:
    # One issue in about 500 has very many; so has one fixed early row, that small worlds have one as well.
    bits = mix(seed, issue.id, salt)
    return many if issue.row == place or bits % 500 == 0 else (bits >> 10) % usual


def comment_total(seed: int, issue: Issue) -> int:
    """How many comments the issue has: every third edit adds one."""
    return _count(seed, issue, 11, 3, 130, 7) + issue.version // 3


def worklog_total(seed: int, issue: Issue) -> int:
    """How many worklogs the issue has."""
    return _count(seed, issue, 12, 2, 45, 11)


def change_total(seed: int, issue: Issue) -> int:
    """How many entries the change history has: every edit adds one."""
    return _count(seed, issue, 13, 9, 60, 13) + issue.version


class Children:
    """The child objects of issues, each made from its number."""

    def __init__(self, seed: int, tables: Tables, offset_minutes: int = 0) -> None:
        self.seed, self.tables, self.offset = seed, tables, offset_minutes

    def comments(self, issue: Issue, start: int = 0, end: int | None = None) -> list[Json]:
        """The comments from position ``start`` to ``end``, oldest first."""
        total = comment_total(self.seed, issue)
        return [self._comment(issue, n) for n in range(start, total if end is None else min(end, total))]

    def _when(self, issue: Issue, n: int, since_edits: int) -> int:
        if since_edits >= 0:
            return issue.edits[min(since_edits, issue.version - 1)]
        # Spread over the issue's first days; an edit must not shift them.
        first = issue.edits[0] if issue.edits else issue.updated
        return min(issue.created + (n + 1) * (60_000 + mix(self.seed, issue.id) % 7_200_000), first)

    def _user(self, bits: int) -> Json:
        return self.tables.user(bits % self.tables.users)

    def _comment(self, issue: Issue, n: int) -> Json:
        base = comment_total(self.seed, issue) - issue.version // 3
        bits, number = mix(self.seed, issue.id, 21, n), issue.id * 1000 + n
        when = stamp(self._when(issue, n, (n - base) * 3 + 2 if n >= base else -1), self.offset)
        author = self._user(bits)
        return {
            "self": f"{self.tables.api}/issue/{issue.id}/comment/{number}",
            "id": str(number),
            "author": author,
            "body": self.tables.prose(text(bits >> 16, 1 + bits % 4)),
            "updateAuthor": author,
            "created": when,
            "updated": when,
        }

    def worklogs(self, issue: Issue, start: int = 0, end: int | None = None) -> list[Json]:
        """The worklogs from position ``start`` to ``end``, oldest first."""
        total = worklog_total(self.seed, issue)
        return [self._worklog(issue, n) for n in range(start, total if end is None else min(end, total))]

    def _worklog(self, issue: Issue, n: int) -> Json:
        bits, number = mix(self.seed, issue.id, 22, n), issue.id * 1000 + n
        when, author, minutes = stamp(self._when(issue, n, -1), self.offset), self._user(bits), 15 * (1 + bits % 20)
        return {
            "self": f"{self.tables.api}/issue/{issue.id}/worklog/{number}",
            "author": author,
            "updateAuthor": author,
            "comment": self.tables.prose(text(bits >> 16, 1) if bits & 1 else ""),
            "created": when,
            "updated": when,
            "started": when,
            "timeSpent": f"{minutes // 60}h {minutes % 60}m",
            "timeSpentSeconds": minutes * 60,
            "id": str(number),
            "issueId": str(issue.id),
        }

    def histories(self, issue: Issue, start: int = 0, end: int | None = None) -> list[Json]:
        """The changes from position ``start`` to ``end``, oldest first."""
        total = change_total(self.seed, issue)
        return [self.history(issue, n) for n in range(start, total if end is None else min(end, total))]

    def history(self, issue: Issue, n: int) -> Json:
        """The change at this position."""
        bits = mix(self.seed, issue.id, 23, n)
        before, after = (self.tables.statuses[(bits >> 8 * k) % 6] for k in (1, 2))
        items = [
            {
                "field": "status",
                "fieldtype": "jira",
                "from": before["id"],
                "fromString": before["name"],
                "to": after["id"],
                "toString": after["name"],
            }
        ]
        if bits & 1:
            tags = {"field": "labels", "fieldtype": "jira", "from": None, "fromString": ""}
            items.append({**tags, "to": None, "toString": "ux"})
        if self.tables.cloud:
            items = [{"fieldId": item["field"], **item} for item in items]
        return {
            "id": str(issue.id * 1000 + n),
            "author": self._user(bits),
            "created": stamp(self.changed(issue, n), self.offset),
            "items": items,
        }

    def changed(self, issue: Issue, n: int) -> int:
        """When the change at this position was made, in epoch milliseconds."""
        base = change_total(self.seed, issue) - issue.version
        return self._when(issue, n, n - base if n >= base else -1)

    def attachments(self, issue: Issue) -> list[Json]:
        """The attachments; pictures have a thumbnail, others do not."""
        bits = mix(self.seed, issue.id, 24)
        return [self._attachment(issue, n) for n in range(bits % 5 // 2)]

    def _attachment(self, issue: Issue, n: int) -> Json:
        bits, number = mix(self.seed, issue.id, 24, n), issue.id * 10 + n
        name, kind = (("Bild schirm.png", "image/png"), ("trace.log", "text/plain"))[bits & 1]
        where = f"{self.tables.base_url}/secure/attachment/{number}/{name.replace(' ', '+')}"
        attachment = {
            "self": f"{self.tables.api}/attachment/{number}",
            "id": str(number),
            "filename": name,
            "author": self._user(bits >> 8),
            "created": stamp(self._when(issue, n, -1), self.offset),
            "size": bits % 10**7,
            "mimeType": kind,
            "content": where,
        }
        if kind == "image/png":
            attachment["thumbnail"] = where.replace("/attachment/", "/thumbnail/")
        return attachment
