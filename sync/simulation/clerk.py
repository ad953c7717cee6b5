"""Those who write: clerks with business transactions, programs with notices, and a trespasser."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from sync import log
from sync.handlers import Notice
from sync.moment import stamp
from sync.record import Record
from sync.simulation import application
from sync.simulation.application import BROKEN, FACT, NAMED, NOVEL, SHEET, UNNAMED
from sync.simulation.faults import Trespass
from sync.simulation.node import Node
from sync.simulation.oracle import REJECTED, RELEASED, STAYS, Entry, Log, Oracle
from sync.simulation.tree import LEVELS, PLACES, below, inside
from sync.store import outbox

_KEYS = 3
_LARGE = 25


class _Draft(NamedTuple):
    """A record to be: its type, how it travels, and what makes it special."""

    type: str
    route: str
    region: str
    more: dict[str, Any]


class Clerk:
    """Writes in everybody's name, each transaction as one person at one desk would."""

    def __init__(self, oracle: Oracle, random: Random, *, bad: float) -> None:
        self._oracle = oracle
        self._random = random
        self._bad = bad

    def write(self, node: Node, origin: str) -> None:
        """One business transaction: records on one route or several, and their effects here."""
        entries: list[Entry] = []
        cause = txn = ""
        for draft in self._drafts(node, origin):
            uid = self._oracle.new_uid(origin)
            cause = uid if "is_cause" in draft.more else cause
            txn = txn or f"t/{uid}"
            more = draft.more | ({"needs": cause} if "within" in draft.more else {})
            entries.append(self._entry(node, origin, draft._replace(more=more), uid, txn=txn))
        is_long = self._random.random() < 0.4  # noqa: PLR2004
        with node.machine.engine.begin() as connection:
            self._append(connection, node, origin, entries)
            for entry in entries:
                _write(connection, entry)
            if is_long:
                _began_before_the_others(connection, entries[0].txn)

    def tell(self, connection: Connection, node: Node, notice: Notice) -> None:
        """A record was refused or decided about: tell its author, in the same transaction."""
        me = node.place
        uid = self._oracle.new_uid(me)
        is_below = notice.origin != me and inside(notice.origin, me)
        route = f"down/{notice.origin}" if is_below else "up/province"
        region = notice.origin if is_below else me
        draft = _Draft("refusal", route, region, {"about": notice.record.body.get("uid", "")})
        entry = self._entry(node, me, draft, uid, txn=f"t/{uid}", is_good=True)
        self._append(connection, node, me, [entry])
        _write(connection, entry)

    def say(self, node: Node, step: str, *, to: str, person: str) -> None:
        """One step of a person's move, to another county."""
        uid = self._oracle.new_uid(node.place)
        draft = _Draft(step, f"to/{to}", node.place, {"person": person})
        entry = self._entry(node, node.place, draft, uid, txn=f"t/{uid}", is_good=True)
        with node.machine.engine.begin() as connection:
            self._append(connection, node, node.place, [entry])
            _write(connection, entry)

    def trespass(self, node: Node, fault: Trespass) -> None:
        """Write what this node has no right to write, past its own check."""
        region = self._random.choice([each for each in PLACES if not inside(each, node.place)])
        route = self._random.choice(["up/province", "up/county"])
        uid = self._oracle.new_uid(node.place)
        draft = _Draft(fault.record_type, route, region, {})
        entry = self._entry(
            node, node.place, draft, uid, txn=f"t/{uid}", is_good=True, is_trespass=True
        )
        with node.machine.engine.begin() as connection:
            log.append(
                connection, origin=node.place, route=route, txn=entry.txn, records=[entry.record]
            )
            _write(connection, entry)
            self._commit_with(node, [entry])

    def _append(
        self, connection: Connection, node: Node, origin: str, entries: Sequence[Entry]
    ) -> None:
        for route, part in groupby(entries, key=lambda entry: entry.log.route):
            together = list(part)
            node.replica.append(
                connection,
                origin=origin,
                route=route,
                txn=together[0].txn,
                records=[entry.record for entry in together],
            )
        self._commit_with(node, entries)

    def _commit_with(self, node: Node, entries: Sequence[Entry]) -> None:
        node.machine.when_committed(lambda: self._oracle.committed(entries, node.branch))

    def _entry(
        self,
        node: Node,
        origin: str,
        draft: _Draft,
        uid: str,
        *,
        txn: str,
        is_good: bool = False,
        is_trespass: bool = False,
    ) -> Entry:
        random = self._random
        number = random.randrange(1000)
        bad = ""
        if not is_good and not draft.more and random.random() < self._bad:
            bad = random.choice([NAMED, UNNAMED, BROKEN])
        rows = tuple(range(random.randint(1, 8))) if draft.type == SHEET else ()
        version = node.release if draft.type == FACT else 1
        incarnation = node.incarnation if origin == node.place else 1
        # Records nobody may write, and types some programs do not know, have keys of their own.
        group = "x" if is_trespass else {NOVEL: "n", SHEET: "s"}.get(draft.type, "k")
        key = f"{origin}.{incarnation}/{draft.route}/{group}{random.randrange(_KEYS)}"
        if draft.more:
            key = f"{key}/{uid}"
        body = {"uid": uid, **_amount(draft.type, version, number), **draft.more}
        body |= {"bad": bad} if bad else {}
        body |= {"rows": list(rows)} if rows else {}
        fates = [STAYS, REJECTED] if is_trespass else [STAYS, RELEASED, REJECTED]
        at = stamp(node.replica.site.clock())
        return Entry(
            uid=uid,
            log=Log(origin, draft.route),
            txn=txn,
            record=Record(draft.type, version, key, draft.region, at, "clerk", body),
            number=number,
            bad=bad,
            is_trespass=is_trespass,
            fate=random.choice(fates),
            rows=rows,
        )

    def _drafts(self, node: Node, origin: str) -> Iterator[_Draft]:
        random = self._random
        many = random.choice([1, 1, 1, 2, 3, random.randint(4, _LARGE)])
        for _ in range(many):
            for draft in self._act(node, origin):
                yield draft
                if many > 1 and random.random() < 0.1:  # noqa: PLR2004
                    yield draft

    def _act(self, node: Node, origin: str) -> list[_Draft]:
        level = LEVELS[origin]
        random = self._random
        lower = below(origin)
        if level == "province":
            return self._decree(node, origin, lower)
        kinds = {"city": ["report"], "village": ["case", "report"]}.get(level)
        kind = random.choice(kinds or ["case", "report", "step", "fact" * (level == "county")])
        if kind == "report":
            return [_Draft("report", "up/province", origin, {})]
        if kind == "case":
            return [_Draft("case", "up/county", origin, {})]
        place = random.choice(lower)
        if kind == FACT:
            kind = random.choice([FACT, FACT, SHEET, NOVEL if node.release > 1 else FACT])
            if kind == NOVEL:
                return [_Draft(NOVEL, "up/province", origin, {})]
            routes = ["up/province", f"down/{place}"]
        else:
            kind, routes = "step", [f"down/{place}", "up/county"]
        return [_Draft(kind, route, place, {}) for route in routes]

    def _decree(self, node: Node, origin: str, lower: list[str]) -> list[_Draft]:
        random = self._random
        place = random.choice(lower)
        kind = random.choice(["notice", "step", NOVEL if node.release > 1 else "notice", "effect"])
        if kind == "step":
            return [_Draft("step", f"down/{place}", place, {})]
        if kind == "effect":
            return [
                _Draft("step", f"down/{place}", place, {"is_cause": True}),
                _Draft("notice", "down/all", origin, {"within": place}),
            ]
        return [_Draft(kind, "down/all", origin, {})]


def _amount(record_type: str, version: int, number: int) -> dict[str, Any]:
    """The number of a record, where its version has it."""
    body: dict[str, Any] = {"n": number}
    if record_type == FACT:
        for step in range(1, version):
            body = application.UPCASTS[step](body)
    return body


def _write(connection: Connection, entry: Entry) -> None:
    """What its author should not have written counts for nothing in its own tables either."""
    application.write(
        connection,
        entry.uid,
        origin=entry.log.origin,
        route=entry.log.route,
        number=entry.number,
        lines=[] if entry.is_trespass else entry.lines,
    )


def _began_before_the_others(connection: Connection, txn: str) -> None:
    """Give all but the last of a transaction's rows numbers below all others in the outbox.

    So it looks on a database with many writers, where numbers are taken before the commit: this
    transaction began first, the others committed meanwhile, and its last row was written after
    them (it may be the effect of what they wrote).
    """
    numbers = list(
        connection.scalars(select(outbox.c.id).where(outbox.c.txn == txn).order_by(outbox.c.id))
    )
    lowest = connection.scalar(select(func.min(outbox.c.id))) or 0
    for place, number in enumerate(numbers[:-1]):
        moved = lowest - len(numbers) + place
        connection.execute(outbox.update().where(outbox.c.id == number).values(id=moved))
