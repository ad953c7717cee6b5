"""Which streams travel over which link. Pure; asked by the sender and by the taker alike.

up/<level>      climbs to the first node of that level and stops there: up/county, up/province
up/<level>/later   the same, but behind everything else that waits: large things nobody waits for
down/all        every node below its author
down/<region>   nodes inside that region, and those on the way to it
to/<region>     up to the first node around both ends, then down to that region's node
"""

from sync.regions import contains, significant, strictly_inside

UP, DOWN, TO = "up/", "down/", "to/"
LATER = "/later"
DOWN_ALL = "down/all"


def is_up(route: str) -> bool:
    return route.startswith(UP)


def is_down(route: str) -> bool:
    return route.startswith(DOWN)


def destination(route: str) -> str | None:
    """The region a stream `to/<region>` is for; None of any other."""
    return route.removeprefix(TO) if route.startswith(TO) else None


def climbs_past(route: str, level: str) -> bool:
    """Does a node of this level pass the stream on to its parent?"""
    return is_up(route) and route.removesuffix(LATER) != UP + level


def is_later(route: str) -> bool:
    """Does the stream give way to every other one on the same link?"""
    return is_up(route) and route.endswith(LATER)


def concerns(route: str, region: str) -> bool:
    """Does a stream that goes down go to, or through, the node of this region?"""
    if route == DOWN_ALL:
        return True
    if not is_down(route):
        return False
    target = route.removeprefix(DOWN)
    return contains(target, region) or contains(region, target)


def may_rise(route: str, origin: str, *, child: str, child_level: str) -> bool:
    """May a child send this stream up? Its own, or from a node inside its region.

    To another region it goes up as long as that region lies outside the child's.
    """
    target = destination(route)
    if target is not None:
        return contains(child, origin) and not contains(child, target)
    return climbs_past(route, child_level) and contains(child, origin)


def may_descend(route: str, origin: str, *, child: str) -> bool:
    """May a parent send this stream down to a child? From above the child, and concerning it.

    To another region it goes down on the way there, outside of where it came from.
    """
    target = destination(route)
    if target is not None:
        return contains(child, target) and not contains(child, origin)
    return concerns(route, child) and strictly_inside(child, origin)


def inner_prefix(region: str) -> str:
    """What every `down/<place inside this region>` starts with."""
    return DOWN + significant(region)
