"""The places of the simulated network, and which streams concern which: told by the tree itself.

Nothing here uses the engine's own rules (`sync.routes`, `sync.regions`): it is what they are held
against. The codes are invented: 410199 and 419099 were never given to a county.
"""

from collections.abc import Iterator

PROVINCE = "410000000000"
CITY = "410100000000"
COUNTY = "410199000000"
DIRECT_COUNTY = "419099000000"  # administered by the province: no city in between
TOWNSHIPS = ("410199100000", "410199101000", "419099100000")
VILLAGES = ("410199100200", "410199100201", "410199101200", "419099100200")

ABOVE = {
    CITY: PROVINCE,
    COUNTY: CITY,
    DIRECT_COUNTY: PROVINCE,
    TOWNSHIPS[0]: COUNTY,
    TOWNSHIPS[1]: COUNTY,
    TOWNSHIPS[2]: DIRECT_COUNTY,
    VILLAGES[0]: TOWNSHIPS[0],
    VILLAGES[1]: TOWNSHIPS[0],
    VILLAGES[2]: TOWNSHIPS[1],
    VILLAGES[3]: TOWNSHIPS[2],
}
PLACES = (PROVINCE, *ABOVE)
"""Every place, parents before their children."""

LEVELS = {
    PROVINCE: "province",
    CITY: "city",
    COUNTY: "county",
    DIRECT_COUNTY: "county",
    **dict.fromkeys(TOWNSHIPS, "township"),
    **dict.fromkeys(VILLAGES, "village"),
}
_NAMES = {
    PROVINCE: "province",
    CITY: "city",
    COUNTY: "county",
    DIRECT_COUNTY: "direct-county",
    **{place: f"township-{'abc'[number]}" for number, place in enumerate(TOWNSHIPS)},
    **{place: f"village-{'abcd'[number]}" for number, place in enumerate(VILLAGES)},
}


def name_of(place: str) -> str:
    """A name for people who read a plan."""
    return _NAMES.get(place, place)


def ancestors(place: str) -> Iterator[str]:
    """Those above a place, the nearest first."""
    while place in ABOVE:
        place = ABOVE[place]
        yield place


def inside(inner: str, outer: str) -> bool:
    """Is it the same place, or below it?"""
    return inner == outer or outer in ancestors(inner)


def below(place: str) -> list[str]:
    """Every place under this one."""
    return [each for each in PLACES if each != place and inside(each, place)]


def audience(origin: str, route: str) -> set[str]:
    """The places a stream must reach, its own author left out."""
    direction, _, target = route.partition("/")
    if direction == "to":
        way = {*ancestors(origin), target, *ancestors(target)}
        return {each for each in way if not _is_beyond(each, origin, target)}
    if direction == "up":
        return set(_climb(origin, target))
    if target == "all":
        return set(below(origin))
    return {each for each in below(origin) if inside(each, target) or inside(target, each)}


def _is_beyond(place: str, origin: str, target: str) -> bool:
    """Above the first place around both ends?"""
    return any(inside(origin, each) and inside(target, each) for each in _under(place))


def _under(place: str) -> list[str]:
    return [each for each in PLACES if ABOVE.get(each) == place]


def _climb(origin: str, level: str) -> Iterator[str]:
    if LEVELS[origin] == level:
        return
    for each in ancestors(origin):
        yield each
        if LEVELS[each] == level:
            return
