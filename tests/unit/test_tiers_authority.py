"""The authority table, row by row as the constitution of the network states it."""

import pytest

from tiers import AUTHORITY, Level, RegionCode, Travel, parse_route, refusal

PROVINCE = "410000000000"
CITY = "410100000000"
COUNTY = "410122000000"
TOWNSHIP = "410122001000"
VILLAGE = "410122001001"
NODES = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
OTHER_VILLAGE = "410122001002"
OTHER_COUNTY = "410123000000"

BELOW = "city county township village"
HANDLERS = "village township county"
UP, BACK = "up/province", f"down/{VILLAGE}"

TABLE = [
    ("policy.published", "province city county", ["down/all", UP]),
    ("policy.withdrawn", "province city county", ["down/all", UP]),
    ("policy.acknowledged", BELOW, [UP]),
    ("case.submitted", HANDLERS, ["up/county"]),
    ("case.stepped", HANDLERS, ["up/county", BACK]),
    ("attachment.chunk", HANDLERS, ["up/county/later"]),
    ("notice.issued", "county", [BACK]),
    ("notice.posted", HANDLERS, ["up/county", BACK]),
    ("notice.objected", HANDLERS, ["up/county", BACK]),
    ("notice.answered", "county", [BACK]),
    ("person.registered", "county", [UP, BACK]),
    ("enrolment.opened", "county", [UP, BACK]),
    ("person.changed", "county", [UP, BACK]),
    ("person.moved", "county", [UP, BACK]),
    ("person.history", "county", [BACK]),
    ("category.stated", "county", [UP, BACK]),
    ("grade.chosen", "county", [UP, BACK]),
    ("account.opened", "county", [UP, BACK]),
    ("account.closed", "county", [UP, BACK]),
    ("account.stands", "county", [UP, BACK]),
    ("contribution.confirmed", "county", [UP, BACK]),
    ("contribution.ordered", "county", [UP, BACK]),
    ("contribution.withheld", "county", [UP, BACK]),
    ("contribution.on_behalf", "county", [UP, BACK]),
    ("receipt.allocated", "county", [BACK]),
    ("receipt.issued", "village", ["up/county"]),
    ("receipt.handed_over", "village", ["up/county"]),
    ("receipt.confirmed", "county", [BACK]),
    ("account.posted", "county", [UP, BACK]),
    ("account.settled", "county", [UP, BACK]),
    ("year.settled", "county", [UP, BACK]),
    ("year.closed", "county", [UP, BACK]),
    ("interest.corrected", "county", [UP, BACK]),
    ("rate.corrected", "county", [UP, BACK]),
    ("ledger.entered", "county", [UP, BACK]),
    ("ledger.period", "county", [UP]),
    ("subsidy.paid", "county", [UP, BACK]),
    ("entitlement.determined", "county", [UP, BACK]),
    ("entitlement.rated", "county", [UP, BACK]),
    ("survival.certified", "county", [UP, BACK]),
    ("benefit.suspended", "county", [UP, BACK]),
    ("benefit.ended", "county", [UP, BACK]),
    ("benefit.recovery", "county", [UP, BACK]),
    ("pension.paid", "county", [UP, BACK]),
    ("pension.unpaid", "county", [UP, BACK]),
    ("account.drawn", "county", [UP, BACK]),
    ("payroll.forecast", "county", [UP]),
    ("payroll.run", "county", [UP, BACK]),
    ("transfer.asked", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("transfer.refused", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("transfer.released", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("transfer.received", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("transfer.paid", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("transfer.banked", "county", [UP, f"to/{OTHER_COUNTY}"]),
    ("statistics.reported", "county", [UP]),
    ("quality.found", "province city", [BACK]),
    ("quality.answered", "county", [UP]),
    ("usage.digested", "county", [UP]),
    ("assessment.published", "city", [UP, BACK]),
    ("inspection.told", "city", [UP, BACK]),
    ("inspection.answered", "county", [UP]),
    ("usage.asked", "province city", [BACK]),
    ("usage.answered", "county", [UP]),
    ("node.reported", BELOW, [UP]),
    ("sync.held", f"province {BELOW}", [UP, BACK]),
]


@pytest.mark.parametrize(("record_type", "authors", "routes"), TABLE, ids=lambda v: str(v)[:24])
def test_exactly_the_named_levels_may_author_on_exactly_the_named_routes(
    record_type: str, authors: str, routes: list[str]
) -> None:
    allowed = {
        (RegionCode(author).level, route)
        for author in NODES
        for route in ("up/county", "up/county/later", UP, "down/all", BACK, f"to/{OTHER_COUNTY}")
        if refusal(author, record_type, route, VILLAGE if route == BACK else author) is None
    }
    assert allowed == {(Level(level), route) for level in authors.split() for route in routes}


def test_the_table_has_no_row_beyond_these() -> None:
    assert set(AUTHORITY) == {record_type for record_type, _, _ in TABLE}


def test_a_village_writes_only_of_itself() -> None:
    assert refusal(VILLAGE, "case.submitted", "up/county", VILLAGE) is None
    reason = refusal(VILLAGE, "case.submitted", "up/county", OTHER_VILLAGE)
    assert reason is not None
    assert "不在其辖区内" in reason


def test_a_county_writes_of_its_villages_but_of_no_other_county() -> None:
    assert refusal(COUNTY, "person.registered", UP, VILLAGE) is None
    assert refusal(COUNTY, "person.registered", UP, OTHER_COUNTY)
    assert refusal(COUNTY, "person.registered", UP, CITY)


def test_a_fact_goes_down_only_to_a_region_it_concerns() -> None:
    down = "person.registered"
    assert refusal(COUNTY, down, f"down/{VILLAGE}", VILLAGE) is None
    assert refusal(COUNTY, down, f"down/{TOWNSHIP}", VILLAGE) is None
    reason = refusal(COUNTY, down, f"down/{OTHER_VILLAGE}", VILLAGE)
    assert reason is not None
    assert "无关" in reason


def test_nobody_sends_down_outside_their_own_region() -> None:
    reason = refusal(TOWNSHIP, "case.stepped", f"down/{COUNTY}", VILLAGE)
    assert reason is not None
    assert "不能向" in reason


def test_a_direct_county_writes_like_any_other() -> None:
    assert refusal("419001000000", "person.registered", UP, "419001001001") is None


def test_the_refusal_names_who_may_author() -> None:
    reason = refusal(VILLAGE, "policy.published", "down/all", VILLAGE)
    assert reason is not None
    assert "省级" in reason
    assert "村级" in reason


@pytest.mark.parametrize(
    ("author", "record_type", "route", "region"),
    [
        (COUNTY, "person.invented", UP, COUNTY),
        (COUNTY, "person.registered", "sideways", COUNTY),
        (COUNTY, "person.registered", "down/", COUNTY),
        (COUNTY, "person.registered", "down/4101", COUNTY),
        (COUNTY, "person.registered", UP, "nowhere"),
        ("", "person.registered", UP, COUNTY),
    ],
)
def test_nonsense_is_refused_and_never_raised(
    author: str, record_type: str, route: str, region: str
) -> None:
    assert refusal(author, record_type, route, region)


def test_routes_are_read_into_their_shape_and_region() -> None:
    assert parse_route("up/county") == (Travel.UP_COUNTY, None)
    assert parse_route(f"down/{VILLAGE}") == (Travel.DOWN_REGION, VILLAGE)
    assert parse_route(f"to/{OTHER_COUNTY}") == (Travel.TO_REGION, OTHER_COUNTY)
