"""Figures of counties as a map: outlines from the division data, five shades, a legend in words.

Outlines are projected once and kept. A county without a figure is hatched, never drawn as zero.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from node.web.charts import figure, nice_step
from tiers import RegionCode

OUTLINES = "data/henan-counties.geojson"
WIDTH = 520.0
COARSE = 1.0  # pixels; finer steps of an outline are not drawn
SHADES = 5

Point = tuple[float, float]
Ring = list[Point]


@dataclass(frozen=True, slots=True)
class Area:
    """One county on the map: its path, its shade (`s0` to `s4`, or `none`), what it says."""

    code: str
    path: str
    css: str
    says: str
    href: str


@dataclass(frozen=True, slots=True)
class Map:
    """A map ready to be drawn by the macro `map`."""

    areas: Sequence[Area]
    key: Sequence[tuple[str, str]]
    width: int
    height: int
    missing: int


@lru_cache(maxsize=1)
def outlines() -> dict[str, list[Ring]]:
    """The rings of every county in degrees, by its code."""
    known = json.loads(files("tiers").joinpath(OUTLINES).read_text(encoding="utf-8"))
    return {
        feature["properties"]["code"]: [
            [(float(x), float(y)) for x, y in ring]
            for polygon in _polygons(feature["geometry"])
            for ring in polygon
        ]
        for feature in known["features"]
    }


def _polygons(geometry: Mapping[str, object]) -> list[list[list[list[float]]]]:
    held: list[list[list[list[float]]]] = geometry["coordinates"]  # type: ignore[assignment]
    return held if geometry["type"] == "MultiPolygon" else [held]  # type: ignore[list-item]


@lru_cache(maxsize=64)
def _paths(region: RegionCode) -> tuple[dict[str, str], int]:
    """The paths of the counties of a region, fitted to the width, and the height they take."""
    inside = {c: rings for c, rings in outlines().items() if region.contains(RegionCode(c))}
    if not inside:
        return {}, 0
    points = [point for rings in inside.values() for ring in rings for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrow = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / ((east - west) * narrow)

    def place(point: Point) -> Point:
        return (point[0] - west) * narrow * scale, (north - point[1]) * scale

    drawn = {
        code: "".join(_outline([place(point) for point in ring]) for ring in rings)
        for code, rings in inside.items()
    }
    return drawn, math.ceil((north - south) * scale)


def _outline(ring: Ring) -> str:
    """A ring as path data, without the steps too fine to see."""
    kept = ring[:1]
    for point in ring[1:]:
        if math.dist(point, kept[-1]) >= COARSE:
            kept.append(point)
    if len(kept) < 3:  # noqa: PLR2004  # nothing to see below a triangle
        kept = ring
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + "z"


def county_map(
    region: RegionCode,
    values: Mapping[str, float | None],
    *,
    name: Callable[[str], str],
    say: Callable[[float], str] = figure,
    bottom: float = 0,
    top: float | None = None,
    href: Callable[[str], str] = lambda _code: "",
) -> Map | None:
    """A map of the counties of a region; None where there are fewer than two outlines.

    `values` by county code; `say` writes one value; `bottom` is where the lightest shade
    begins, `top` where the darkest ends (the largest value when it is not given).
    """
    paths, height = _paths(region)
    if len(paths) < 2:  # noqa: PLR2004  # one county is no map
        return None
    known = {code: value for code in paths if (value := values.get(code)) is not None}
    step = _step((top if top is not None else max(known.values(), default=0)) - bottom)
    areas = []
    for code, path in paths.items():
        value = known.get(code)
        css = "none" if value is None else f"s{_shade(value - bottom, step)}"
        said = f"{name(code)}　{'—' if value is None else say(value)}"
        areas.append(Area(code, path, css, said, "" if value is None else href(code)))
    key = [
        (f"s{shade}", f"{say(bottom + shade * step)}–{say(bottom + (shade + 1) * step)}")
        for shade in range(SHADES)
    ]
    return Map(areas, key, round(WIDTH), height, missing=len(paths) - len(known))


def whole(value: float) -> str:
    """A value without decimals, for legends and titles."""
    return figure(round(value))


def _step(highest: float) -> float:
    """Width of one shade: five of them reach the highest value."""
    return nice_step(highest, lines=SHADES) if highest > 0 else 1


def _shade(value: float, step: float) -> int:
    return max(0, min(SHADES - 1, int(value / step)))
