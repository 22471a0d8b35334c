"""Discovery at Jira Cloud tells what the site says of its fields, and does not need to be told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_jira.simulator import CloudCredentials, CloudSite, Site, cloud_credentials
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import CLOUD, Outcome, Time
from tests.stage import Answering
from tests.test_cloud import Asked, Wire
from tests.test_schema import columns, field, issues_with

LIST = "field/search"


@pytest.fixture
def config(keys: CloudCredentials) -> dict[str, Any]:
    """A configuration that works at the Cloud site."""
    return {"base_url": CLOUD, **keys.basic}


def fields_of(outcome: Outcome) -> dict[str, Any]:
    """The columns of the site's custom fields in a catalog."""
    entry = next(e for e in json.loads(outcome.output)["streams"] if e["stream"] == "jira_issues")
    return {name: node for name, node in columns(entry["schema"]).items() if name.startswith("customfield_")}


def test_a_column_has_the_words_of_the_site(tap: Tap, cloud: CloudSite) -> None:
    """What the site says of a field stands in its column's description, in one line; all pages of fields are read."""
    wire = Wire(cloud)
    fields = fields_of(tap("--discover", to=wire))
    told = [name for name, node in fields.items() if f". What we know of {node['title']}." in node["description"]]

    assert (len(fields), len(told) > 70) == (120, True)
    assert len([path for path in wire.paths if path == LIST]) == 3


def test_a_sync_does_not_ask(tap: Tap, cloud: CloudSite) -> None:
    """A run without a catalog, which discovers each time, asks for no descriptions."""
    tap(to=(wire := Wire(cloud)))

    assert LIST not in wire.paths


def test_data_center_is_not_asked(tap: Tap, site: Site) -> None:
    """On Data Center nothing is asked but the list of fields."""
    config = {"base_url": "https://jira.example.com", "personal_access_token": "a-personal-access-token"}
    tap("--discover", to=(wire := Wire(site)), config=config)

    assert [path for path in wire.paths if path.startswith("field")] == ["field"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500])
def test_a_site_that_refuses_is_discovered_all_the_same(tap: Tap, cloud: CloudSite, status: int) -> None:
    """Without its descriptions the site is discovered as it was, with a line at INFO and none above."""
    answer = Response.of_json({"errorMessages": ["no"], "errors": {}}, status=status)
    outcome = tap("--discover", to=Answering(cloud, LIST, answer))

    assert (outcome.code, len(fields_of(outcome))) == (0, 120)
    assert [line for line in outcome.logged("INFO") if "the descriptions of fields are not known: " in line]
    assert outcome.logged("WARNING") == outcome.logged("ERROR") == []


def test_a_site_that_fails_is_not_asked_for_long(tap: Tap, cloud: CloudSite) -> None:
    """Descriptions are not worth the patience that rows are: two tries."""
    wire = Wire(cloud, lambda asked, answer: Response.of_json({}, status=500) if asked.path == LIST else answer)
    tap("--discover", to=wire)

    assert wire.paths.count(LIST) == 2


def test_a_list_that_has_no_end(tap: Tap, cloud: CloudSite) -> None:
    """However many fields a site says that it has, no more pages are asked for than 20,000 fields take."""
    page = Response.of_json({"values": [{"id": f"customfield_{n}"} for n in range(50)], "total": 10**9})
    wire = Wire(cloud, lambda asked, answer: page if asked.path == LIST else answer)

    assert tap("--discover", to=wire).code == 0
    assert wire.paths.count(LIST) == 400


def test_an_account_that_is_no_administrator(tap: Tap, time: Time, cloud: CloudSite) -> None:
    """Where only administrators are told, the others discover without descriptions."""
    plain = cloud_credentials(admin=False)
    site = CloudSite(cloud.world, accounts=plain.accounts, base_url=CLOUD)
    outcome = tap("--discover", to=site, config={"base_url": CLOUD, **plain.basic})

    assert (outcome.code, len(fields_of(outcome))) == (0, 120)
    assert "Only Jira administrators can access fields" in outcome.log


def odd_pages(asked: Asked, answer: Response) -> Response:
    if asked.path != LIST:
        return answer
    rows: list[Any] = [None, "x", {"id": 7}, {"id": "customfield_10100", "description": ["x"]}, {"name": "no id"}]
    return Response.of_json({"values": rows, "total": "3"})


def test_odd_rows(tap: Tap, cloud: CloudSite) -> None:
    """Rows that are no fields, and descriptions that are no text, are passed over."""
    outcome = tap("--discover", to=Wire(cloud, odd_pages))

    assert (outcome.code, len(fields_of(outcome))) == (0, 120)


class Counting:
    """A Cloud site with 4,200 fields, which counts what it is asked."""

    def __init__(self, site: CloudSite) -> None:
        self._site, self.asked = site, 0

    def send(self, request: Request) -> Response:
        listed = [field(10_000 + n, "number") for n in range(4200)]
        if f"/{LIST}" not in request.url:
            return Response.of_json(listed) if request.url.endswith("/field") else self._site.send(request)
        self.asked += 1
        start = int(request.url.partition("startAt=")[2].partition("&")[0])
        rows = [{"id": row["id"], "name": row["name"], "description": "Words."} for row in listed[start : start + 50]]
        return Response.of_json({"startAt": start, "maxResults": 50, "total": 4200, "isLast": False, "values": rows})


def test_thousands_of_fields(tap: Tap, cloud: CloudSite) -> None:
    """4,200 fields take 84 pages, each asked for once, and all have their words."""
    outcome = tap("--discover", to=(site := Counting(cloud)))

    assert site.asked == 84
    assert [n for n, node in fields_of(outcome).items() if not node["description"].endswith(". Words.")] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Choose  the\r\nreason.\0", " Choose the reason."),
        ("x" * 400, " " + "x" * 299 + "…"),
        ("  ", ""),
        ("", ""),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_words_are_cleaned(said: Any, expected: str) -> None:
    """Words of a site are one line of at most 300 characters."""
    made = columns(issues_with(field(7, "number", description=said)))["customfield_7"]

    assert made["description"] == f'The site\'s field "Field 7", a number.{expected}'
