"""Name the columns of custom fields as people name the fields: in plain letters, each its own, and to stay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from tap_jira import schema as schemas
from tap_jira.schema import Node


def choose(columns: Node, kept: Mapping[str, str]) -> dict[str, str]:
    """The name of each custom field's column, by the field's id; ``columns`` are those of an issue's fields, by id.

    A field that is in ``kept`` has its name from there, as far as all names fit and differ. The others are named from
    the oldest on, so that a new field takes no other's name; what is taken becomes ``name_10016``, with the number of
    the id. Names of ``kept`` whose fields are gone stay taken: a table still has those columns.
    """
    custom = sorted(filter(schemas.custom_number, columns), key=lambda field_id: (len(field_id), field_id))
    taken = {name.lower() for name in columns.keys() - set(custom)}
    names: dict[str, str] = {}

    def is_free(field_id: str, name: str) -> bool:
        # The id of a field is for its own column alone, so that it is always left.
        return name.lower() not in taken and (name == field_id or not schemas.custom_number(name.lower()))

    def take(field_id: str, name: str) -> None:
        names[field_id] = name
        taken.add(name.lower())

    for field_id in custom:
        name = kept.get(field_id, "")
        if _is_possible(name, columns[field_id]) and is_free(field_id, name):
            take(field_id, name)
    taken |= {name.lower() for name in kept.values()}
    for field_id in custom:
        if field_id not in names:
            wishes = _wishes(field_id, columns[field_id])
            take(field_id, next((name for name in wishes if is_free(field_id, name)), field_id))
    return names


def plain(text: str) -> str:
    """``text`` in ASCII letters, digits and single underscores, '' if nothing of it can be written so."""
    letters = "".join(map(_in_ascii, unicodedata.normalize("NFKD", text).casefold()))
    name = "_".join(re.findall("[a-z0-9]+", letters))
    return f"field_{name}" if name[:1].isdigit() else name


def _in_ascii(sign: str) -> str:
    """What stands for a sign: itself, nothing for a letter of another script or an accent, a gap for the rest."""
    if sign.isascii():
        return sign
    return "" if sign.isalnum() or unicodedata.category(sign).startswith("M") else " "


def _is_possible(name: str, node: Node) -> bool:
    return schemas.is_plain(name) and len(name) <= schemas.room(node)


def _wishes(field_id: str, node: Node) -> list[str]:
    """The names that a field's column may have, the best first."""
    name, room, number = plain(node["title"]), schemas.room(node), f"_{schemas.custom_number(field_id)}"
    return [name[:room].rstrip("_"), name[: room - len(number)].rstrip("_") + number] if name else []
