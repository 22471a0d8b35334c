"""Text as the Atlassian Document Format, in which version 3 of the API carries what version 2 carries as wiki text."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def document(text: str) -> Json:
    """The text as a document: a paragraph for each line, a heading for ``h3.``, a list for lines that begin with *."""
    content: list[Json] = []
    for line in text.splitlines():
        if line.startswith("* "):
            if not content or content[-1]["type"] != "bulletList":
                content.append({"type": "bulletList", "content": []})
            content[-1]["content"].append({"type": "listItem", "content": [_paragraph(line[2:])]})
        elif line.startswith("h3. "):
            content.append({"type": "heading", "attrs": {"level": 3}, "content": _text(line[4:])})
        else:
            content.append(_paragraph(line))
    return {"version": 1, "type": "doc", "content": content}


def _paragraph(line: str) -> Json:
    return {"type": "paragraph", "content": _text(line)}


def _text(line: str) -> list[Json]:
    # A text node may not be empty (the schema of the format: minLength 1).
    return [{"type": "text", "text": line}] if line else []
