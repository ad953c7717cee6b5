"""Page: a figure by sex, age, category and grade, for a region and for what reports to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.core.divisions import Places
from node.core.edge import Reading, page
from node.core.errors import Forbidden, Invalid
from node.core.i18n import _
from node.core.money import yuan
from node.registry.codes import Category
from node.statistics import figures, service
from node.statistics.asked import Asked, period_of
from node.statistics.behind_pages import crumbs_to, query_of
from node.statistics.freshness import UP_TO_DATE
from node.statistics.rules import BANDS, DIMENSIONS, MEASURES, MONTHS, SHARED, UNKNOWN, Dimension
from tiers import Level, RegionCode

router = APIRouter(prefix="/statistics", include_in_schema=False, dependencies=[UP_TO_DATE])

FEN_PER_YUAN = 100
SEXES = {"male": _("男"), "female": _("女")}
CATEGORIES = {category.value: category.title for category in Category}
SERIES = 5
"""So many colours there are; what goes beyond is drawn as one, the table has them all."""


class AskedShares(Asked):
    """A figure and what people are told apart by."""

    dimension: str = "sex"


@router.get("/shares")
def shares(request: Request, uow: Reading, asked: Annotated[AskedShares, Query()]) -> Response:
    """The figure of a region by every dimension, and by one of them for each place below."""
    places = request.app.state.node.places
    period = period_of(uow, asked)
    place = RegionCode(asked.region) if asked.region else uow.actor.scope
    if not uow.actor.scope.contains(place):
        raise Forbidden("这个地区不在您的职责范围内", field="region")
    measure = next((m for m in MEASURES if m.name == asked.measure and m.name in SHARED), None)
    dimension = next((d for d in DIMENSIONS if d.name == asked.dimension), None)
    if measure is None or dimension is None:
        raise Invalid("请选择可以分组的数字和分组方式", field="measure")
    key = (measure.name, dimension.name)
    whole = {
        each.name: figures.shares(uow, place, place.level, period, (measure.name, each.name)).get(
            place, {}
        )
        for each in DIMENSIONS
    }
    below = _below(places, place, figures.shares(uow, place, _level(places, place), period, key))
    values = _ordered(dimension, whole[dimension.name])
    return page(
        request,
        "statistics/shares.html",
        place=place,
        period=period,
        measure=measure,
        dimension=dimension,
        measures=[(m.name, m.title) for m in MEASURES if m.name in SHARED],
        dimensions=DIMENSIONS,
        whole=whole,
        ordered={each.name: _ordered(each, whole[each.name]) for each in DIMENSIONS},
        titles={each.name: _titles(each, whole[each.name]) for each in DIMENSIONS},
        values=values,
        below=below,
        series=_series(dimension, values, below, FEN_PER_YUAN if measure.is_money else 1),
        names=[places.name(code) for code in below],
        total=figures.whole(uow, place, period)[measure.name],
        years=figures.years(uow) or [period.year],
        months=[(str(number), f"{number} 月") for number in range(1, MONTHS + 1)],
        crumbs=crumbs_to(places, uow.actor.scope, place, period, measure),
        query=lambda code: query_of(code, period, measure) + f"&dimension={dimension.name}",
    )


def _series(
    dimension: Dimension, values: list[str], below: figures.Shares, per: int
) -> list[tuple[str, list[float]]]:
    """What the chart stacks, in yuan or people, place by place."""
    alone = values if len(values) <= SERIES else values[: SERIES - 1]
    rest = values[len(alone) :]
    drawn = [
        (_title(dimension.name, value), [row.get(value, 0) / per for row in below.values()])
        for value in alone
    ]
    if rest:
        others = [sum(row.get(value, 0) for value in rest) / per for row in below.values()]
        drawn.append((str(_("其余")), others))
    return drawn


def _level(places: Places, place: RegionCode) -> Level:
    children = places.children(place)
    return service.finest(children) if children else Level.VILLAGE


def _below(
    places: Places, place: RegionCode, found: figures.Shares
) -> dict[RegionCode, dict[str, int]]:
    """By what reports to the place itself."""
    rows: dict[RegionCode, dict[str, int]] = {}
    for child in places.children(place):
        for code, values in found.items():
            if code == child or (child.contains(code) and places.parent(code) == child):
                row = rows.setdefault(child, {})
                for value, amount in values.items():
                    row[value] = row.get(value, 0) + amount
    return rows


def _ordered(dimension: Dimension, found: dict[str, int]) -> list[str]:
    """Values in the order they are read: numbers by size, codes by their lists, unknown last."""
    if dimension.name in {"born", "grade"}:
        return sorted(found, key=lambda value: (value == UNKNOWN, int(value or 0)))
    known = [*SEXES, *CATEGORIES]
    return sorted(found, key=lambda v: (v == UNKNOWN, known.index(v) if v in known else 99, v))


def _titles(dimension: Dimension, found: dict[str, int]) -> dict[str, str]:
    return {value: _title(dimension.name, value) for value in found}


def _title(dimension: str, value: str) -> str:
    if value == UNKNOWN:
        return str(_("无档次") if dimension == "grade" else _("未知"))
    if dimension == "born":
        return band_title(int(value))
    if dimension == "grade":
        return yuan(int(value))
    return str({**SEXES, **CATEGORIES}.get(value, value))


def band_title(number: int) -> str:
    """`30–44`, `80+`: ages, both ends included."""
    begins = BANDS[number]
    return f"{begins}–{BANDS[number + 1] - 1}" if number + 1 < len(BANDS) else f"{begins}+"
