"""Score counties by the scheme in force, give marks by hand, publish, read what was published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from node.assessment import rules
from node.assessment.models import AssessmentMark, AssessmentResult
from node.assessment.records import publish_result
from node.assessment.rules import Scored
from node.assessment.values import value
from node.core.errors import Forbidden, Invalid, NotFound
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.assessment_bodies import AssessmentItem, AssessmentScheme, Indicator
from node.statistics.cells import counties_held
from tiers import Level, RegionCode, Role

READERS = (
    Role.ASSESSOR,
    Role.INSPECTOR,
    Role.QUALITY_SUPERVISOR,
    Role.STATISTICIAN,
    Role.AUDITOR,
    Role.REVIEWER,
    Role.APPROVER,
)
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """A county's year: its items, its score in thousandths, its place, and that of the year before.

    `before_milli` is None where nothing was published.
    """

    county: RegionCode
    items: Sequence[Scored]
    total_milli: int
    place: int
    places: int
    before_milli: int | None
    published: AssessmentResult | None

    @property
    def change_milli(self) -> int | None:
        return None if self.before_milli is None else self.total_milli - self.before_milli


def require_reading(uow: UnitOfWork) -> None:
    """Who assesses, supervises or answers for a county reads assessments.

    Raises:
        Forbidden: the reader's post is another.
    """
    if not uow.actor.holds(*READERS):
        raise Forbidden("考核由考核、稽核、监督和县级复核审批岗位查看")


def scheme(uow: UnitOfWork, year: int) -> policy.InForce[AssessmentScheme] | None:
    """The scheme of a year: what is in force at its end, or today while it lasts."""
    on = min(date(year, 12, 31), uow.today)
    found = policy.in_force(uow, AssessmentScheme.kind, uow.node, on)
    if found is None or not isinstance(found.body, AssessmentScheme):
        return None
    return policy.InForce(found.bulletin, found.body)


def scored(uow: UnitOfWork, county: RegionCode, year: int) -> list[Scored]:
    """Every item of a county as the facts and the marks given by hand stand now."""
    found = scheme(uow, year)
    if found is None:
        return []
    given = marks_of(uow, county, year)
    return [_scored(uow, item, county, year, given) for item in found.body.items]


def _scored(
    uow: UnitOfWork,
    item: AssessmentItem,
    county: RegionCode,
    year: int,
    given: dict[str, AssessmentMark],
) -> Scored:
    if item.indicator is not Indicator.HAND:
        return Scored(item, *value(uow, item.indicator, county, year))
    mark = given.get(item.name)
    return Scored(item, mark.percent, 100, mark.note) if mark else Scored(item, 0, 0)


def marks_of(uow: UnitOfWork, county: RegionCode, year: int) -> dict[str, AssessmentMark]:
    """What was given by hand, by item."""
    statement = select(AssessmentMark).where(
        AssessmentMark.county_code == str(county), AssessmentMark.year == year
    )
    return {mark.item: mark for mark in uow.session.exec(statement)}


def published(uow: UnitOfWork, year: int) -> dict[str, AssessmentResult]:
    """The newest published assessment of each county."""
    statement = select(AssessmentResult).where(AssessmentResult.year == year)
    ordered = statement.order_by(col(AssessmentResult.version))
    return {
        result.county_code: result
        for result in uow.session.exec(ordered)
        if uow.actor.scope.contains(RegionCode(result.county_code))
    }


def standings(uow: UnitOfWork, year: int) -> list[Standing]:
    """Counties by score: at the city as they stand now, elsewhere as published."""
    require_reading(uow)
    told, before = published(uow, year), published(uow, year - 1)
    if uow.level is Level.CITY:
        items = {str(county): scored(uow, county, year) for county in counties_held(uow)}
        items = {county: each for county, each in items.items() if each}
    else:
        items = {county: items_of(result) for county, result in told.items()}
    totals = {county: rules.total(each) for county, each in items.items()}
    if uow.level is Level.CITY:
        places = rules.ranking(totals)
        among = dict.fromkeys(totals, len(totals))
    else:
        places = {county: result.place for county, result in told.items()}
        among = {county: result.places for county, result in told.items()}
    found = [
        Standing(
            RegionCode(county),
            each,
            totals[county],
            places[county],
            among[county],
            before[county].total_milli if county in before else None,
            told.get(county),
        )
        for county, each in items.items()
    ]
    return sorted(found, key=lambda each: (each.place, each.county))


def standing(uow: UnitOfWork, county: str, year: int) -> Standing:
    """One county's year.

    Raises:
        NotFound: nothing is known of it.
    """
    for each in standings(uow, year):
        if each.county == county:
            return each
    raise NotFound("这个县这一年还没有考核结果，或没有考核办法")


def items_of(result: AssessmentResult) -> list[Scored]:
    """The items of a published assessment."""
    return [
        Scored(
            AssessmentItem.model_validate(
                {name: line[name] for name in AssessmentItem.model_fields}
            ),
            line["numerator"],
            line["denominator"],
            line["note"],
        )
        for line in result.items
    ]


def _require_assessor(uow: UnitOfWork) -> None:
    if uow.level is not Level.CITY or not uow.actor.holds(Role.ASSESSOR):
        raise Forbidden("考核由市级考核员评分、公布")


def give_mark(
    uow: UnitOfWork, county: str, year: int, item: str, *, percent: str, note: str
) -> AssessmentMark:
    """Score an item by hand, in per cent of its weight, with the reason.

    Raises:
        Forbidden: only the city's assessor does.
        Invalid: no such item, no number from 0 to 100, or no reason.
        NotFound: the county is not one of the city's.
    """
    _require_assessor(uow)
    if RegionCode(county) not in counties_held(uow):
        raise NotFound("没有找到这个县，或不在本市")
    if item not in hand_items(uow, year):
        raise Invalid("请选择办法里人工评分的项目", field="item")
    text = percent.strip()
    if not (text.isascii() and text.isdigit() and int(text) <= 100):  # noqa: PLR2004  # per cent
        raise Invalid("请填写 0 到 100 的整数", field="percent")
    if not note.strip() or len(note) > LONGEST:
        raise Invalid("请写明评分理由，最多 500 字", field="note")
    mark = AssessmentMark(
        county_code=county,
        year=year,
        item=item,
        percent=int(text),
        note=note.strip(),
        given_by_name=uow.actor.name,
        given_at=uow.now,
    )
    return uow.session.merge(mark)


def hand_items(uow: UnitOfWork, year: int) -> list[str]:
    """The items the city scores by hand, as the scheme names them."""
    found = scheme(uow, year)
    items = found.body.items if found else ()
    return [each.name for each in items if each.indicator is Indicator.HAND]


def publish(uow: UnitOfWork, year: int) -> list[AssessmentResult]:
    """Publish the scores of every county as they stand; what was published before stays.

    Raises:
        Forbidden: only the city's assessor does.
        Invalid: there is no scheme, or a mark by hand is still missing.
    """
    _require_assessor(uow)
    found = scheme(uow, year)
    if found is None:
        raise Invalid("这一年没有考核办法", field="year")
    listed = standings(uow, year)
    for each in listed:
        for one in each.items:
            if one.item.indicator is Indicator.HAND and one.points is None:
                raise Invalid("还有人工评分的项目没有评分", field="year")
    told = published(uow, year)
    made = [
        AssessmentResult(
            county_code=str(each.county),
            year=year,
            version=told[each.county].version + 1 if each.county in told else 1,
            bulletin_id=found.bulletin.id,
            items=[_line(one) for one in each.items],
            total_milli=each.total_milli,
            place=each.place,
            places=each.places,
            published_by_name=uow.actor.name,
            published_at=uow.now,
        )
        for each in listed
    ]
    for result in made:
        uow.session.add(result)
        publish_result(uow, result)
    return made


def _line(one: Scored) -> dict[str, Any]:
    shared = {"numerator": one.numerator, "denominator": one.denominator, "note": one.note}
    return one.item.model_dump(mode="json") | shared


def trend(uow: UnitOfWork, county: str) -> list[tuple[int, int]]:
    """The published scores of a county by year."""
    statement = select(AssessmentResult).where(AssessmentResult.county_code == county)
    ordered = statement.order_by(col(AssessmentResult.year), col(AssessmentResult.version))
    return list({each.year: each.total_milli for each in uow.session.exec(ordered)}.items())
