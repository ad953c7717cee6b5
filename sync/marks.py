"""Marks: which state of its disk a node speaks from.

At each session a node shows the mark of the last one and a new one it has just made. A disk that
was put back to an earlier state, or copied, shows a mark that has been passed already. From one
such sight a restored disk and a copied one look alike; but of a restored one the later marks are
never seen again. So:

- an older disk is accepted only when the newer one has been silent for `clone_quiet`; until then it
  is refused as a second machine, for that is what it then most likely is;
- when it has been accepted and the newer disk speaks after all, there are two: that one is refused.

Either way one machine at a time is listened to, the other is told why, and a person decides which
of them joins again under a new epoch. Calls that come late or twice show a pair that was seen.
"""

from sqlalchemy import Connection, Row, delete, select

from sync.database import upsert
from sync.errors import Cloned
from sync.incidents import ANY_STREAM, CLONED, close_incidents
from sync.keyring import Identity
from sync.messages import NO_MARKS, Marks
from sync.moment import parse_stamp
from sync.segment import StreamId
from sync.site import Site
from sync.store import mark

_OWN, _NEXT = "own", "next"
_CURRENT, _SEEN, _DEAD = "current", "seen", "dead"
_MARK_BYTES = 12
_KEPT = 16  # marks of the near past, for calls that come late


def propose(site: Site, connection: Connection, me: Identity) -> Marks:
    """The mark of the last session and the next one; the same until a parent has answered."""
    rows = {row.state: row.mark for row in _rows(connection, me.node, me.epoch)}
    following = rows.get(_NEXT)
    if following is None:
        following = site.entropy(_MARK_BYTES).hex()
        _write(site, connection, me.node, me.epoch, {following: _NEXT})
    return Marks(rows.get(_OWN, ""), following)


def promote(site: Site, connection: Connection, me: Identity) -> None:
    """The parent has answered: what was proposed is now this disk's mark."""
    rows = {row.state: row.mark for row in _rows(connection, me.node, me.epoch)}
    if _NEXT in rows:
        _forget(connection, me.node, me.epoch, {rows.get(_OWN, "")})
        _write(site, connection, me.node, me.epoch, {rows[_NEXT]: _OWN})


def judge(site: Site, connection: Connection, node: str, epoch: str, shown: Marks) -> bool:
    """Look at the marks a child shows, and remember them; were they new?

    Raises:
        Cloned: another machine speaks, or spoke just now, as the same set-up of that node.
    """
    if shown == NO_MARKS:
        return False
    rows = _rows(connection, node, epoch)
    states = {row.mark: row.state for row in rows}
    current = next((row for row in rows if row.state == _CURRENT), None)
    if _DEAD in {states.get(shown.before), states.get(shown.next)}:
        raise Cloned(
            "另一台机器已经以本节点的身份与上级联系；请核实后用新的加入码重新入网", node=node
        )
    if shown.next in states:
        return False
    passed: dict[str, str] = {}
    if current is not None and current.mark != shown.before:
        _refuse_beside(site, current, node)
        passed = {current.mark: _DEAD}
        close_incidents(site, connection, CLONED, origin=node, epoch=epoch)
    elif current is not None:
        passed = {current.mark: _SEEN}
    _write(site, connection, node, epoch, passed | {shown.next: _CURRENT})
    seen = [row.mark for row in rows if row.state == _SEEN]
    _forget(connection, node, epoch, set(seen[: -_KEPT + 1]))
    return True


def whole_node(node: str, epoch: str) -> StreamId:
    """How an incident names a set-up of a node."""
    return StreamId(node, epoch, ANY_STREAM)


def _refuse_beside(site: Site, current: Row[str, str, str], node: str) -> None:
    silent = site.clock() - parse_stamp(current.at)
    if silent < site.limits.clone_quiet:
        minutes = int(site.limits.clone_quiet.total_seconds() // 60)
        raise Cloned(
            f"本节点的数据早于上次联系：若刚从备份恢复，{minutes} 分钟后自动接上；"
            "若有两台机器使用同一身份，请停用一台",
            node=node,
        )


def _rows(connection: Connection, node: str, epoch: str) -> list[Row[str, str, str]]:
    return list(
        connection.execute(
            select(mark.c.mark, mark.c.state, mark.c.at)
            .where(
                mark.c.node == node,
                mark.c.epoch == epoch,
                mark.c.state.in_((_OWN, _NEXT, _CURRENT, _SEEN, _DEAD)),
            )
            .order_by(mark.c.at, mark.c.mark)
        )
    )


def _write(
    site: Site, connection: Connection, node: str, epoch: str, states: dict[str, str]
) -> None:
    now = site.now()
    rows = [
        {"node": node, "epoch": epoch, "mark": name, "state": state, "at": now}
        for name, state in states.items()
    ]
    upsert(connection, mark, rows)


def _forget(connection: Connection, node: str, epoch: str, names: set[str]) -> None:
    if names:
        connection.execute(
            delete(mark).where(
                mark.c.node == node, mark.c.epoch == epoch, mark.c.mark.in_(sorted(names))
            )
        )
