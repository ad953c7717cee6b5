"""Batches and results as people look at them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select

from node.accounts.serials import own_county
from node.banking.batches import bank_lines, batches
from node.banking.models import BankBatch, BankLine, BankResult, BankResultLine
from node.banking.results import result_lines, results
from node.banking.rules import OPEN, LineState, Outcome
from node.core.errors import Forbidden
from node.core.paging import Page, paged
from node.core.work import UnitOfWork
from tiers import Role

DESKS = (Role.ACCOUNTANT, Role.PAYROLL_OFFICER)
OPEN_STATES = [state.value for state in OPEN]


def require_desk(uow: UnitOfWork, *, may_look: bool = False) -> None:
    """Files for banks are the business of those who collect and pay; the auditor may look.

    Raises:
        Forbidden: it is not theirs, or this node is no county.
    """
    own_county(uow)
    if not uow.actor.holds(*DESKS, *((Role.AUDITOR,) if may_look else ())):
        raise Forbidden("银行批次由财务岗和发放岗办理")


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch and how its lines stand, in lines and fen."""

    batch: BankBatch
    succeeded: int
    succeeded_fen: int
    failed: int
    open: int
    unclear: int


def batch_rows(uow: UnitOfWork, *, number: int = 1, purpose: str = "") -> Page[BankBatch]:
    """Batches, the newest first."""
    found = select(BankBatch).where(batches.c.county_code == str(uow.node.county))
    if purpose:
        found = found.where(batches.c.purpose == purpose)
    return paged(uow.session, found.order_by(batches.c.batch_no.desc()), number=number)


def standing(uow: UnitOfWork, found: Iterable[BankBatch]) -> list[BatchRow]:
    """How the lines of these batches stand."""
    mine = list(found)
    state, fen = bank_lines.c.state, bank_lines.c.fen

    def number(*states: LineState) -> ColumnElement[int]:
        return func.sum(case((state.in_([each.value for each in states]), 1), else_=0))

    counted = (
        select(
            bank_lines.c.batch_no,
            number(LineState.SUCCEEDED),
            func.sum(case((state == LineState.SUCCEEDED.value, fen), else_=0)),
            number(LineState.FAILED, LineState.RETURNED),
            number(*OPEN),
            number(LineState.UNCLEAR),
        )
        .where(
            bank_lines.c.county_code == str(uow.node.county),
            bank_lines.c.batch_no.in_([batch.batch_no for batch in mine]),
        )
        .group_by(bank_lines.c.batch_no)
    )
    rows = {row[0]: [int(value) for value in row[1:]] for row in uow.connection.execute(counted)}
    return [BatchRow(batch, *rows.get(batch.batch_no, [0] * 5)) for batch in mine]


def lines_of(uow: UnitOfWork, batch_no: int, *, state: str = "", number: int = 1) -> Page[BankLine]:
    """The lines of a batch, those of one state or all."""
    found = select(BankLine).where(
        bank_lines.c.county_code == str(uow.node.county), bank_lines.c.batch_no == batch_no
    )
    if state:
        found = found.where(bank_lines.c.state == state)
    return paged(uow.session, found.order_by(bank_lines.c.line_no), number=number)


def newest_results(uow: UnitOfWork, *, limit: int = 20) -> Sequence[BankResult]:
    """The result files that came last, refused ones too."""
    found = select(BankResult).where(results.c.county_code == str(uow.node.county))
    return uow.session.scalars(found.order_by(results.c.result_no.desc()).limit(limit)).all()


def rows_to_look_at(uow: UnitOfWork, result_no: int) -> Sequence[BankResultLine]:
    """The rows of a result file that were not simply taken."""
    found = select(BankResultLine).where(
        result_lines.c.county_code == str(uow.node.county),
        result_lines.c.result_no == result_no,
        result_lines.c.outcome.not_in([Outcome.TAKEN.value, Outcome.REPEATED.value]),
    )
    return uow.session.scalars(found.order_by(result_lines.c.row_no).limit(200)).all()
