"""Contradictions about money: contributions, subsidies, postings, entitlements."""

from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
)

from node.accounts.models import Account, JournalEntry, Posting
from node.contributions.models import Contribution, Subsidy
from node.contributions.rules import Method
from node.quality.about_people import enrolment, entitlement, row

account: Table = Account.__table__  # type: ignore[attr-defined]
posting: Table = Posting.__table__  # type: ignore[attr-defined]
entry: Table = JournalEntry.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
subsidy: Table = Subsidy.__table__  # type: ignore[attr-defined]


def _standing() -> ColumnElement[bool]:
    return contribution.c.reversed_entry.is_(None)


def _paid_here() -> ColumnElement[bool]:
    """Not carried in by a transfer, whose money stands in the account as one sum."""
    return _standing() & (contribution.c.method != Method.TRANSFERRED)


def _ever_enrolled(table: Table) -> ColumnElement[bool]:
    return exists().where(
        enrolment.c.county_code == table.c.county_code,
        enrolment.c.person_id == table.c.person_id,
    )


def amount_not_grade(county: str, _today: date) -> Select[Any]:
    """A year's contribution is the grade, neither more nor less."""
    return row(
        contribution,
        county,
        contribution.c.id,
        contribution.c.for_year,
        contribution.c.fen,
        contribution.c.grade_fen,
        person_id=contribution.c.person_id,
    ).where(_paid_here(), contribution.c.fen != contribution.c.grade_fen)


def paid_not_enrolled(county: str, _today: date) -> Select[Any]:
    """Money of somebody who never was enrolled."""
    return row(
        contribution,
        county,
        contribution.c.id,
        contribution.c.for_year,
        contribution.c.paid_on,
        person_id=contribution.c.person_id,
    ).where(_standing(), ~_ever_enrolled(contribution))


def paid_after_closing(county: str, _today: date) -> Select[Any]:
    """Money that came after the last enrolment had ended, with none open: few people ever end."""
    ended = (
        select(enrolment.c.person_id, func.max(enrolment.c.closed_on).label("closed_on"))
        .where(enrolment.c.county_code == county)
        .group_by(enrolment.c.person_id)
        .having(func.count() == func.count(enrolment.c.closed_on))
        .subquery()
    )
    return (
        row(
            contribution,
            county,
            contribution.c.id,
            ended.c.closed_on,
            contribution.c.paid_on,
            person_id=contribution.c.person_id,
        )
        .join(ended, ended.c.person_id == contribution.c.person_id)
        .where(_standing(), contribution.c.paid_on > ended.c.closed_on)
    )


def subsidy_without_contribution(county: str, _today: date) -> Select[Any]:
    """A subsidy follows a contribution of the same year (入口补)."""
    paid = exists().where(
        contribution.c.county_code == subsidy.c.county_code,
        contribution.c.account_no == subsidy.c.account_no,
        contribution.c.for_year == subsidy.c.for_year,
        _standing(),
    )
    return (
        row(
            subsidy,
            county,
            _text(subsidy.c.account_no) + literal("/") + _text(subsidy.c.for_year),
            subsidy.c.for_year,
            person_id=account.c.person_id,
        )
        .outerjoin(account, _account_of(subsidy))
        .where(~paid)
    )


def contribution_without_posting(county: str, _today: date) -> Select[Any]:
    """A confirmed contribution stands in the account, in the line it names."""
    posted = exists().where(
        posting.c.county_code == contribution.c.county_code,
        posting.c.entry_no == contribution.c.entry_no,
        posting.c.line_no == contribution.c.line_no,
        posting.c.fen == contribution.c.fen,
        posting.c.account_no == contribution.c.account_no,
    )
    return row(
        contribution,
        county,
        contribution.c.id,
        contribution.c.for_year,
        contribution.c.entry_no,
        person_id=contribution.c.person_id,
    ).where(_paid_here(), ~posted)


def negative_source(county: str, _today: date) -> Select[Any]:
    """No source of an account is below nothing."""
    held = func.sum(posting.c.fen)
    return (
        row(
            account,
            county,
            _text(account.c.account_no) + literal("/") + posting.c.source,
            posting.c.source,
            held,
            person_id=account.c.person_id,
        )
        .join(posting, _account_of(posting))
        .group_by(
            account.c.county_code,
            account.c.village,
            account.c.account_no,
            account.c.person_id,
            posting.c.source,
        )
        .having(held < 0)
    )


def posting_without_entry(county: str, _today: date) -> Select[Any]:
    """Every posting belongs to a voucher."""
    return (
        row(
            posting,
            county,
            _text(posting.c.entry_no) + literal("/") + _text(posting.c.line_no),
            posting.c.entry_no,
            person_id=account.c.person_id,
        )
        .outerjoin(account, _account_of(posting))
        .outerjoin(
            entry,
            and_(
                entry.c.county_code == posting.c.county_code, entry.c.entry_no == posting.c.entry_no
            ),
        )
        .where(entry.c.entry_no.is_(None))
    )


def account_without_enrolment(county: str, _today: date) -> Select[Any]:
    """An account belongs to somebody who is or was enrolled."""
    return row(
        account,
        county,
        account.c.account_no,
        account.c.opened_on,
        person_id=account.c.person_id,
    ).where(~_ever_enrolled(account))


def entitlement_does_not_add_up(county: str, _today: date) -> Select[Any]:
    """A pension is at least its base and its account part."""
    parts = entitlement.c.base_fen + entitlement.c.account_fen
    return row(
        entitlement,
        county,
        entitlement.c.id,
        entitlement.c.monthly_fen,
        entitlement.c.base_fen,
        entitlement.c.account_fen,
        person_id=entitlement.c.person_id,
    ).where(entitlement.c.state == "in_force", entitlement.c.monthly_fen < parts)


def _account_of(table: Table) -> ColumnElement[bool]:
    return (account.c.county_code == table.c.county_code) & (
        account.c.account_no == table.c.account_no
    )


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, String)
