"""Build the catalog: every stream with its schema, its key, and how each column may be selected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tap_jira import names
from tap_jira import schema as schemas
from tap_jira.catalog import FIELD_ID, select
from tap_jira.client import Client
from tap_jira.errors import ForbiddenError, NotFoundError, NothingFoundError, RefusedError, TapError, UnavailableError
from tap_jira.pagination import count, identity, is_page
from tap_jira.site import Site
from tap_jira.streams import ISSUES, STREAMS, Place, Stream

LOGGER = logging.getLogger(__name__)

Together = Callable[[Sequence[Callable[[], Any]], int], list[Any]]
"""Does calls side by side, so many at most."""
FIELDS = 50
"""The most that Cloud gives of fields at once."""
MOST_FIELDS = 20_000
"""Fields of which a description is asked for: more than any site is known to have."""


def fields_of(client: Client) -> list[Any]:
    """The site's fields, as Jira lists them."""
    found: list[Any] = client.get("field", is_whole=lambda answer: isinstance(answer, list))
    return found


def discover(
    client: Client,
    site: Site,
    fields: list[Any],
    naming: str = "id",
    kept: Mapping[str, str] | None = None,
    together: Together | None = None,
) -> dict[str, Any]:
    """The catalog of a site as a Singer tap prints it; says in the log what the account may not read.

    ``fields`` are the site's. ``naming`` says what the columns of custom fields are called by, ``id`` or ``name``;
    ``kept`` has the names that some of them have already, by the field's id. With ``together`` the columns of Cloud's
    fields have the descriptions that the site gives them as well. Those take a request for each 50 fields, which is too
    much for what each run without a catalog needs.
    """
    if together and site.kind == "cloud":
        said = _descriptions(client, together)
        fields = [{**field, "description": said.get(field.get("id"))} for field in fields if isinstance(field, dict)]
    return {"streams": [_entry(stream, site, fields, naming, kept or {}) for stream in STREAMS]}


def extent(catalog: Mapping[str, Any]) -> str:
    """How much a catalog has, and how much of it is selected by default, in a sentence."""
    columns = sum(schemas.leaf_count(entry["schema"]) for entry in catalog["streams"])
    selections = select(catalog, LOGGER.warning)
    by_default = sum(schemas.leaf_count(selection.schema) for selection in selections)
    return (
        f"discovered {len(catalog['streams'])} streams with {columns:,} columns; selected by default are "
        f"{len(selections)} streams with {by_default:,} columns"
    )


def _descriptions(client: Client, together: Together) -> dict[Any, Any]:
    """What the site says of its custom fields, by id; nothing if the account may not know, or the list fails.

    Pages are asked for by position, all at once: a field that moves meanwhile lacks its description, no more.
    """
    hasty = client.hasty()

    def page(start: int) -> Any:
        asked = [("type", "custom"), ("startAt", str(start)), ("maxResults", str(FIELDS))]
        return hasty.get("field/search", asked, is_page)

    try:
        first = page(0)
        rows, total = first["values"], count(first.get("total")) or 0
        starts = range(len(rows), min(total, MOST_FIELDS), len(rows)) if rows else ()
        pages = together([partial(page, start) for start in starts], client.retry.gate.allowed)
    except TapError as error:
        LOGGER.info("the descriptions of fields are not known: %s", error)
        return {}
    rows = [row for answer in (first, *pages) for row in answer["values"] if isinstance(row, dict)]
    return {row["id"]: row.get("description") for row in rows if isinstance(row.get("id"), str)}


LEAST: Mapping[str, tuple[tuple[str, str], ...]] = {
    "values": (("maxResults", "1"),),
    "projects": (("maxResults", "1"),),
    "components": (("maxResults", "1"),),
    "user_list": (("maxResults", "1"),),
    "user_search": (("username", "."), ("maxResults", "1")),
    # Whom privacy hides is missing from a page.
    "accounts": (("maxResults", "50"),),
}
"""How little of a list can be asked for, by how Jira cuts it; what is not here comes whole."""
SHOWS_NOBODY = ("user_search", "accounts")
"""Lists that are empty where the account may not read them."""


def try_to_read(client: Client, stream: Stream, site: Site) -> None:
    """Ask for as little of a full table as can be asked for; a TapError says why it cannot be read."""
    place = stream.place(site.kind)
    if place.otherwise and site.version and site.version < place.since:
        place = place.otherwise
    try:
        _try_place(client, place)
    except NothingFoundError:
        # So Cloud says that there is no project to be seen, and any Jira that one is gone.
        if place.pager != "projects" and place.projects is None:
            raise
    except NotFoundError:
        if place.otherwise is None:
            raise
        _try_place(client, place.otherwise)


def _try_place(client: Client, place: Place) -> None:
    if place.projects:
        for project in _little(client, place.projects)[:1]:
            _little(client, place.of_project(identity(project)))
    elif not _little(client, place) and place.pager in SHOWS_NOBODY:
        raise ForbiddenError(f"GET /rest/api/2/{place.path} shows nobody, not even this account", 403)


def _little(client: Client, place: Place) -> list[Any]:
    """Some rows of a list, if it has any."""
    answer = client.get(place.path, [*place.params, *LEAST.get(place.pager, ())])
    rows = answer.get("values") if isinstance(answer, dict) else answer
    return rows if isinstance(rows, list) else []


def warn_of_unreadable(client: Client, site: Site, warn: Callable[[str], None]) -> None:
    """Try the streams that ordinary accounts are often refused, and say which are."""
    for stream in STREAMS:
        place = stream.place(site.kind)
        if place.needs:
            try:
                try_to_read(client, stream, site)
            except ForbiddenError:
                warn(f"{stream.name} cannot be read by this account: it needs {place.needs}; a sync will skip it")
            except (RefusedError, UnavailableError) as error:
                warn(f"{stream.name} could not be tried: {error}")


def _entry(stream: Stream, site: Site, fields: list[Any], naming: str, kept: Mapping[str, str]) -> dict[str, Any]:
    schema = schemas.load(stream.name)
    beyond: frozenset[str] = frozenset()
    ids: dict[str, str] = {}
    if stream.name == ISSUES:
        schema = schemas.add_custom_fields(schema, fields)
        beyond = schemas.beyond_budget(schema)
        named = names.choose(schema["properties"]["fields"]["properties"], kept) if naming == "name" else {}
        schema = _named(schema, named)
        beyond = frozenset(named.get(field_id, field_id) for field_id in beyond)
        ids = {name: field_id for field_id, name in named.items()}
        if beyond:
            LOGGER.info(
                "%s: %d of the site's fields are in the catalog but not selected by default, to stay within %d "
                'columns; those you need are selected by "selected": true in their metadata (%s, for one)',
                stream.name,
                len(beyond),
                schemas.DEFAULT_LEAVES,
                min(beyond),
            )
    key = stream.key_at(site.kind)
    schema["properties"][key]["type"] = _never_null(schema["properties"][key]["type"])
    method = "INCREMENTAL" if stream.replication_key else "FULL_TABLE"
    entry = {
        "tap_stream_id": stream.name,
        "stream": stream.name,
        "key_properties": [key],
        "replication_method": method,
        "schema": schema,
        "metadata": list(_metadata(stream, schema, key, method, beyond, ids)),
    }
    return {**entry, "replication_key": stream.replication_key} if stream.replication_key else entry


def _named(schema: schemas.Node, named: Mapping[str, str]) -> schemas.Node:
    """The schema of the issues with these names of columns, by id; the description of each tells the id."""
    columns = schema["properties"]["fields"]["properties"]
    for field_id in named:
        columns[field_id]["description"] = f"{field_id}: {columns[field_id]['description']}"
    return schemas.rename_fields(schema, named)


def _never_null(types: str | list[str]) -> list[str]:
    return [name for name in ([types] if isinstance(types, str) else types) if name != "null"]


def _metadata(
    stream: Stream, schema: dict[str, Any], key: str, method: str, beyond: frozenset[str], ids: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    about: dict[str, Any] = {
        "inclusion": "available",
        "selected-by-default": stream.by_default,
        "table-key-properties": [key],
        "forced-replication-method": method,
    }
    if stream.replication_key:
        about["valid-replication-keys"] = [stream.replication_key]
    yield {"breadcrumb": [], "metadata": about}
    for column in _columns(schema, [], {key, stream.replication_key}, beyond):
        crumb = column["breadcrumb"]
        if crumb[:-1] == ["properties", "fields", "properties"] and crumb[-1] in ids:
            column["metadata"][FIELD_ID] = ids[crumb[-1]]
        yield column


def _columns(
    node: dict[str, Any], path: list[str], automatic: set[str | None], beyond: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Metadata of each column, at every depth that a target flattens: inside objects, not inside lists."""
    for name, part in node.get("properties", {}).items():
        here = [*path, "properties", name]
        by_default = not (path == ["properties", "fields"] and name in beyond)
        inclusion = "automatic" if not path and name in automatic else "available"
        yield {"breadcrumb": here, "metadata": {"inclusion": inclusion, "selected-by-default": by_default}}
        yield from _columns(part, here, set(), beyond)
