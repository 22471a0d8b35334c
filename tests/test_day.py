"""A day of half-hourly runs in virtual time."""

from __future__ import annotations

from random import Random

from tap_jira.simulator import Site
from tap_jira.wire import Request, Response
from tests.conftest import Tap
from tests.fakes import Time

HALF_HOUR = 1800.0


class Counted:
    """Counts what is asked, by path."""

    def __init__(self, site: Site) -> None:
        self.site, self.searches, self.requests = site, 0, 0

    def send(self, request: Request) -> Response:
        self.requests += 1
        self.searches += "/search?" in request.url and "user/search" not in request.url
        return self.site.send(request)


def test_a_day(tap: Tap, site: Site, time: Time, config: dict[str, object]) -> None:
    """With an index that lags up to the lookback, every change of a day comes out, at one search request a run."""
    random = Random(3)
    world = site.world
    world.lag = lambda draw: draw.choice((0.0, 5.0, 120.0, 1199.0))
    state = None
    newest: dict[str, str] = {}
    searches = []
    for half_hour in range(49):
        counted = Counted(site)
        outcome = tap(to=counted, state=state, config={**config, "start_date": "2000-01-01"})
        state = outcome.state
        newest.update({record["id"]: record["updated_at"] for record in outcome.records("jira_issues")})
        searches.append(counted.searches)
        for _ in range(0 if half_hour >= 47 else 12):
            time.seconds += HALF_HOUR / 12
            change = random.choice((world.edit, world.edit, world.move, lambda _: world.create()))
            change(world.some_ids(1, random)[0])
        time.seconds += HALF_HOUR if half_hour >= 47 else 0

    # The first run asks two questions more: for the newest issue, and for it again by its second.
    assert searches == [3] + [1] * 48
    assert newest == {str(issue.id): _utc(issue.updated) for issue in world.issues()}


def test_a_run_with_nothing_new_costs_few_requests(tap: Tap, site: Site) -> None:
    """An idle run of all tables costs one request for each of them and for who we are, two for the users."""
    first = tap()
    counted = Counted(site)

    outcome = tap(to=counted, state=first.state)

    assert outcome.code == 0
    assert counted.requests <= 11


def _utc(millis: int) -> str:
    from tap_jira.dates import format_millis

    return str(format_millis(millis))
