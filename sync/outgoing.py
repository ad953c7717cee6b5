"""What to send next over a link: segments the other side lacks, in the order they came here.

That order keeps causes before effects. Streams marked `later` give way: theirs come when no other
segment waits, and each call asks anew. Numbers have no gaps and segments are cut once, by their
author, so the first segment a peer lacks starts exactly at its head + 1: finding the next ones
costs one index probe per stream that is behind, never a look at history.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from sqlalchemy import Connection, Row, Select, or_, select

from sync.archive_store import archive_of, body_of
from sync.database import listed
from sync.errors import Archived
from sync.messages import Head
from sync.regions import bounds, outer, significant
from sync.routes import DOWN, DOWN_ALL, TO, UP, inner_prefix, is_later, may_descend, may_rise
from sync.segment import Sealed, StreamId, read_header
from sync.site import Site
from sync.store import segment, stream
from sync.trust import newest_certificate

_PROBE = 500
_AHEAD = 16


class _Next(NamedTuple):
    later: bool
    position: int
    bytes: int
    last: int
    stream: StreamId


def streams_up(connection: Connection, *, child: str, level: str) -> dict[StreamId, Head]:
    """Heads of all streams a node holds that its parent should have."""
    route = stream.c.route
    rises = route.startswith(UP, autoescape=True) | route.startswith(TO, autoescape=True)
    # The origins first: a parent has a few of these, and asks for one child of many.
    rows = connection.execute(_heads().where(stream.c.origin.between(*bounds(child)), rises))
    return {
        head.stream: head
        for head in map(_head, rows)
        if may_rise(head.route, head.origin, child=child, child_level=level)
    }


def streams_held(connection: Connection, *, child: str, level: str) -> dict[StreamId, Head]:
    """Heads a parent holds of what one child sends up."""
    return streams_up(connection, child=child, level=level)


def streams_down(connection: Connection, *, child: str) -> dict[StreamId, Head]:
    """Heads of all streams a node holds that one child should have."""
    route = stream.c.route
    passing = [DOWN_ALL, *(DOWN + region for region in outer(child))]
    wanted = or_(
        route.in_(passing),
        route.startswith(inner_prefix(child), autoescape=True),
        route.startswith(TO + significant(child), autoescape=True),
    )
    rows = connection.execute(_heads().where(wanted))
    return {
        head.stream: head
        for head in map(_head, rows)
        if may_descend(head.route, head.origin, child=child)
    }


def level_of(connection: Connection, node: str) -> str:
    """The level a node was certified for; empty when it is not known here."""
    found = newest_certificate(connection, node)
    return found.level if found else ""


def next_segments(
    site: Site,
    connection: Connection,
    behind: Mapping[StreamId, int],
    *,
    budget: int,
) -> list[Sealed]:
    """Segments after the given numbers, in the order they came here, as many as the budget holds.

    One is given even when it alone is over the budget: the caller sends it in parts. A stream whose
    next segment lies in an archive that is not at hand keeps no other from going on.

    Raises:
        Archived: that is all there is to give.
    """
    left = dict(behind)
    missing: Archived | None = None
    while True:
        chosen = _choose(connection, left, budget)
        try:
            found = _load(site, connection, [each.position for each in chosen])
        except Archived as refusal:
            missing = refusal
            del left[StreamId(*refusal.stream)]
            continue
        if missing and not found:
            raise missing
        return found


def _choose(connection: Connection, behind: Mapping[StreamId, int], budget: int) -> list[_Next]:
    chosen: list[_Next] = []
    for following in _in_order(connection, behind):
        budget -= following.bytes
        if chosen and budget < 0:
            break
        chosen.append(following)
        if budget <= 0:
            break
    return chosen


def behind(ours: Mapping[StreamId, Head], theirs: Mapping[StreamId, Head]) -> dict[StreamId, int]:
    """Streams of which the other side lacks the end, and the last number it holds."""
    held = {name: theirs[name].seq if name in theirs else 0 for name in ours}
    return {name: held[name] for name, head in ours.items() if head.seq > held[name]}


def _heads() -> Select[str, str, str, int, bytes]:
    columns = stream.c
    return select(
        columns.origin, columns.epoch, columns.route, columns.head, columns.head_hash
    ).where(columns.head > 0)


def _head(row: Row[str, str, str, int, bytes]) -> Head:
    origin, epoch, route, seq, digest = row
    return Head(origin, epoch, route, seq, bytes(digest).hex())


def _in_order(connection: Connection, behind: Mapping[StreamId, int]) -> Iterator[_Next]:
    """Merge the streams by position, looking a few segments ahead in each that is used."""
    ahead: dict[StreamId, list[_Next]] = {}
    heap = list(_first_of_each(connection, behind))
    heap.sort()
    while heap:
        following = heappop(heap)
        yield following
        queue = ahead.get(following.stream)
        if not queue:
            queue = ahead[following.stream] = _after(connection, following.stream, following.last)
        if queue:
            heappush(heap, queue.pop())


def _first_of_each(connection: Connection, behind: Mapping[StreamId, int]) -> Iterable[_Next]:
    names = segment.c
    columns = (names.origin, names.epoch, names.route, names.first)
    wanted = [(*name, seq + 1) for name, seq in sorted(behind.items())]
    for start in range(0, len(wanted), _PROBE):
        source, same = listed(connection, wanted[start : start + _PROBE], columns)
        rows = connection.execute(_listing().select_from(source.join(segment, same)))
        yield from (_following(row) for row in rows)


def _after(connection: Connection, name: StreamId, last: int) -> list[_Next]:
    """The next few segments of one stream, the nearest at the end of the list."""
    names = segment.c
    rows = connection.execute(
        _listing()
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first > last,
        )
        .order_by(names.first)
        .limit(_AHEAD)
    )
    return [_following(row) for row in rows][::-1]


def _listing() -> Select[int, int, int, str, str, str]:
    names = segment.c
    return select(names.position, names.bytes, names.last, names.origin, names.epoch, names.route)


def _following(row: Row[int, int, int, str, str, str]) -> _Next:
    position, size, last, origin, epoch, route = row
    return _Next(is_later(route), position, size, last, StreamId(origin, epoch, route))


def _load(site: Site, connection: Connection, positions: Sequence[int]) -> list[Sealed]:
    names = segment.c
    found: dict[int, Sealed] = {}
    for start in range(0, len(positions), _PROBE):
        rows = connection.execute(
            select(names.position, names.header, names.signature, names.body).where(
                names.position.in_(positions[start : start + _PROBE])
            )
        ).all()
        for position, header, signature, body in rows:
            if body is None:
                opened = _from_archive(site, connection, position, bytes(header))
            else:
                opened = site.vault.open(bytes(body))
            found[position] = Sealed(bytes(header), bytes(signature), opened)
    return [found[position] for position in positions]


def _from_archive(site: Site, connection: Connection, position: int, header: bytes) -> bytes:
    opened = body_of(site, connection, position)
    if opened is not None:
        return opened
    read = read_header(header, site.limits)
    name = archive_of(connection, read.stream, read.first)
    raise Archived(
        f"{read.origin} {read.route} 第 {read.first} 条起的记录已归档在 {name}，"
        "请把文件放回归档文件夹，或重新加入并取快照",
        stream=read.stream,
        archive=name,
    )
