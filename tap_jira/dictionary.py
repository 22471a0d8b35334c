"""Tell of the site's fields which column of the issues each one is, and which are newer than the catalog."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from tap_jira import schema as schemas
from tap_jira.run import Run
from tap_jira.streams import ISSUES
from tap_jira.words import listed

LOGGER = logging.getLogger(__name__)

MOST_NAMES = 50
"""Fields that a line names."""


def rows(run: Run, page: Iterable[Any]) -> Iterator[Any]:
    """Fields as Jira lists them, each with the name of its column; the run hears which of them are new."""
    fields = list(page)
    columns = run.issues.field_columns if run.issues else {}
    run.new_fields.update(_new_fields(run, fields))
    for field in fields:
        is_field = isinstance(field, dict) and isinstance(field.get("id"), str)
        yield {**field, "column_name": columns.get(field["id"])} if is_field else field


def tell_new_fields(run: Run) -> None:
    """Say once in a run which fields of the site the catalog does not have."""
    new = sorted(run.new_fields.items(), key=lambda field: (len(field[0]), field[0]))
    if new:
        told = listed([f"{name} ({field_id})" if name else field_id for field_id, name in new], MOST_NAMES)
        LOGGER.info(
            "%s: fields of the site that are not in the catalog are left out, discover again to get them: %s",
            ISSUES,
            told,
        )


def _new_fields(run: Run, fields: list[Any]) -> dict[str, str]:
    """The fields that discovery would add to the catalog: their ids and names."""
    if run.issues is None or "fields" not in run.issues.full["properties"]:
        return {}
    known = run.issues.full["properties"]["fields"]["properties"]
    columns = schemas.add_custom_fields(run.issues.full, fields)["properties"]["fields"]["properties"]
    return {field_id: node["title"] for field_id, node in columns.items() if field_id not in known}
