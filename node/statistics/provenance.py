"""From a fact in the books to the signed record that carried it, and whether both say the same.

A posting is the county's: it travelled in a record about its village, in a segment the county
signed. Nothing is indexed for this; the record is found by its author, its kind and its moment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sync
from node.accounts.carried import carriers, postings_in
from node.accounts.digest import POSTING
from node.accounts.models import JournalEntry, Posting
from node.benefits.models import Entitlement
from node.core.errors import NotFound
from node.core.work import UnitOfWork
from node.registry.models import Enrolment, Person
from node.statistics.models import StatisticsReport
from node.statistics.records import REPORTED, key_of
from sync.errors import SyncRefusal
from sync.tracing import Trace

SAID_LATE = timedelta(hours=12)
"""A day's facts are searched for from the noon before: a business date is a day in Shanghai."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The record that carried a fact, what of it differs from the books, and what does not hold.

    `differences` are triples: name, as signed, as it stands in this node's books.
    """

    trace: Trace
    differences: Sequence[tuple[str, str, str]]
    problems: Sequence[str]

    @property
    def holds(self) -> bool:
        """The signature stands, and the books say what was signed."""
        return not self.problems and not self.differences


def of_posting(uow: UnitOfWork, replica: sync.Replica, posting: Posting) -> Proof:
    """The proof of a posting.

    Raises:
        NotFound: no signed record here carries it.
    """
    entry = uow.session.get(JournalEntry, (posting.county_code, posting.entry_no))
    since = entry.booked_at if entry else _noon_before(posting.business_date)
    key = (posting.entry_no, posting.line_no)
    signed: dict[str, Any] = {}

    def is_it(item: sync.Arrived) -> bool:
        body = item.record.body
        if item.record.region != posting.village or body.get("entry_no") != posting.entry_no:
            return False
        rows = {(row["entry_no"], row["line_no"]): row for row in postings_in(item)}
        signed.update(rows.get(key, {}))
        return key in rows

    found = _first(replica, posting.county_code, carriers(), since, is_it)
    return _proof(replica, found, signed, posting.model_dump(), POSTING)


def of_enrolment(uow: UnitOfWork, replica: sync.Replica, enrolment: Enrolment) -> Proof:
    """The proof of an enrolment: of its end, once it has ended."""
    person = uow.session.get(Person, (enrolment.county_code, enrolment.person_id))
    ended = enrolment.closed_on
    since = _noon_before(enrolment.opened_on)
    if ended is not None:
        since = _noon_before(ended)
    elif person is not None:
        since = min(since, person.registered_at)

    def is_it(item: sync.Arrived) -> bool:
        record = item.record
        return record.key == enrolment.id and (ended is None or bool(record.body["closed_on"]))

    types = frozenset({"enrolment.opened"})
    found = _first(replica, enrolment.county_code, types, since, is_it)
    names = ("person_id", "opened_on", "closed_on") if ended else ("person_id", "opened_on")
    return _proof(replica, found, found.record.body, enrolment.model_dump(), names)


def of_entitlement(replica: sync.Replica, entitlement: Entitlement) -> Proof:
    """The proof of a pension as it was determined."""
    found = _first(
        replica,
        entitlement.county_code,
        frozenset({"entitlement.determined"}),
        entitlement.determined_at,
        lambda item: item.record.key == entitlement.id,
    )
    names = ("person_id", "due_from", "base_fen", "account_fen", "monthly_fen", "divisor_months")
    return _proof(replica, found, found.record.body, entitlement.model_dump(), names)


def of_report(replica: sync.Replica, report: StatisticsReport) -> Proof:
    """The proof of a county's report."""
    key = key_of(report)
    types = frozenset({REPORTED.name})
    found = _first(
        replica, report.county_code, types, report.reported_at, lambda item: item.record.key == key
    )
    return _proof(replica, found, found.record.body["measures"], report.measures, report.measures)


def _noon_before(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC) - SAID_LATE


def _first(
    replica: sync.Replica,
    origin: str,
    types: frozenset[str],
    since: datetime,
    is_it: Callable[[sync.Arrived], bool],
) -> sync.Arrived:
    """The first record that is it.

    Raises:
        NotFound: none is.
    """
    for item in replica.written_since(origin=origin, types=types, since=since):
        if is_it(item):
            return item
    raise NotFound("本节点保存的签名记录里没有找到这一条：可能还没有封存，或已归档到别处")


def _proof(
    replica: sync.Replica,
    found: sync.Arrived,
    signed: Mapping[str, Any],
    booked: Mapping[str, Any],
    names: Any,
) -> Proof:
    stream = sync.StreamId(found.origin, found.epoch, found.route)
    try:
        trace = replica.prove(stream, found.seq)
    except SyncRefusal as refusal:
        raise NotFound(refusal.message) from refusal
    different = [
        (name, str(signed.get(name)), str(booked.get(name)))
        for name in names
        if str(signed.get(name)) != str(booked.get(name))
    ]
    return Proof(trace, different, trace.problems())
