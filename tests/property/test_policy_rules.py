"""Which bulletin holds: the choice against a reading of every day, and what lower tiers may add."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from node.policy.rules import additions, choose, holds, next_change
from tiers import Level, RegionCode

PROVINCE, CITY, COUNTY = "410000000000", "410100000000", "410122000000"
OTHER_CITY = "410200000000"
VILLAGE = RegionCode("410122001001")
FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(14)]
NOW = datetime(2025, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Paper:
    id: str
    region: str
    effective_from: date
    effective_to: date | None
    published_at: datetime | None
    supersedes: str | None = None


@st.composite
def papers(draw: st.DrawFn) -> list[Paper]:
    found: list[Paper] = []
    for number in range(draw(st.integers(0, 6))):
        begins = draw(st.sampled_from(DAYS[:10]))
        lasts = draw(st.none() | st.integers(0, 5))
        older = [paper.id for paper in found]
        found.append(
            Paper(
                id=str(number),
                region=draw(st.sampled_from([PROVINCE, PROVINCE, CITY, COUNTY, OTHER_CITY])),
                effective_from=begins,
                effective_to=None if lasts is None else begins + timedelta(days=lasts),
                published_at=draw(st.sampled_from([None, NOW, NOW + timedelta(hours=number)])),
                supersedes=draw(st.sampled_from([None, *older])),
            )
        )
    return found


WITHDRAWN = st.dictionaries(st.sampled_from("012345"), st.sampled_from(DAYS), max_size=2)


@given(papers(), st.sampled_from(DAYS), WITHDRAWN)
def test_what_is_chosen_holds_here_and_comes_from_the_province(
    known: list[Paper], on: date, gone: dict[str, date]
) -> None:
    found = choose(known, VILLAGE, on, withdrawn=gone)
    if found is None:
        return
    assert found.region == PROVINCE
    assert found.published_at is not None
    assert found.effective_from <= on
    assert found.effective_to is None or on <= found.effective_to
    assert found.id not in gone or on <= gone[found.id]


@given(papers(), st.sampled_from(DAYS), WITHDRAWN)
def test_a_lower_tier_never_changes_what_the_province_set(
    known: list[Paper], on: date, gone: dict[str, date]
) -> None:
    alone = [paper for paper in known if paper.region == PROVINCE]
    assert choose(known, VILLAGE, on, withdrawn=gone) == choose(alone, VILLAGE, on, withdrawn=gone)
    added = additions(known, VILLAGE, on, withdrawn=gone)
    levels = [RegionCode(paper.region).level for paper in added]
    assert levels == sorted(set(levels), key=lambda level: level.rank)
    assert set(levels) <= {Level.CITY, Level.COUNTY}
    assert all(RegionCode(paper.region).contains(VILLAGE) for paper in added)


@given(papers(), st.sampled_from(DAYS), WITHDRAWN)
def test_the_next_change_is_the_first_day_on_which_something_else_holds(
    known: list[Paper], on: date, gone: dict[str, date]
) -> None:
    def here(day: date) -> list[str]:
        main = choose(known, VILLAGE, day, withdrawn=gone)
        added = additions(known, VILLAGE, day, withdrawn=gone)
        return [paper.id for paper in (main, *added) if paper]

    later = [on + timedelta(days=n) for n in range(1, 40)]
    expected = next((day for day in later if here(day) != here(on)), None)
    assert next_change(known, VILLAGE, on, withdrawn=gone) == expected


@given(papers(), st.sampled_from(DAYS))
def test_a_later_one_of_the_same_issuer_wins(known: list[Paper], on: date) -> None:
    newest = Paper("new", PROVINCE, on, None, NOW + timedelta(days=1))
    assert choose([*known, newest], VILLAGE, on) == newest
    assert not holds(replace(newest, published_at=None), VILLAGE, on)
