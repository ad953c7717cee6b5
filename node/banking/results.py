"""Take a result file: through a working table, judged and applied by a few statements.

Everything happens in the transaction of the caller: a crash leaves nothing, and the file, taken
again, gives what the undisturbed run would have given.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Integer,
    String,
    Table,
    bindparam,
    func,
    select,
    text,
)

from node.accounts.serials import own_county
from node.banking.batches import bank_lines, batches
from node.banking.description import bank as bank_of
from node.banking.events import tell_taken
from node.banking.incoming import ResultRow, Totals, batched, read_rows
from node.banking.models import BankLine, BankResult, BankResultLine
from node.banking.rules import MOVES, Direction, LineState, Outcome
from node.core.db import MANY_ROWS, tell_planner, upsert_values
from node.core.errors import Conflict, Invalid, NotFound
from node.core.serials import reserve
from node.core.work import UnitOfWork
from node.core.working_table import temporary, working_table

came = temporary(
    "bank_result_came",
    Column("row_no", Integer, primary_key=True, autoincrement=False),
    Column("batch_no", BigInteger),
    Column("line_no", Integer),
    Column("name", String),
    Column("fen", BigInteger),
    Column("state", String),
    Column("code", String),
    Column("bank_reference", String),
    Column("answered_on", Date),
)
"""The rows of a file as they come: `incoming.ResultRow`, numbered."""
_CAME = tuple(column.name for column in came.columns)

results: Table = BankResult.__table__  # type: ignore[attr-defined]
result_lines: Table = BankResultLine.__table__  # type: ignore[attr-defined]

RESULT = "bank_result"
STAGED_ROWS = 10_000
READ_BYTES = 1 << 20
BY_HAND = "manual"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file brought. `is_duplicate`: the same content came before and nothing changed."""

    result_no: int
    is_duplicate: bool
    lines: int
    fen: int
    outcomes: dict[Outcome, int]
    states: dict[LineState, int]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where rows came from: which bank, which way, in which file, known by which content."""

    bank: str
    direction: Direction
    file_name: str
    digest: str


def content_hash(stream: BinaryIO) -> str:
    """What a file is known by; the stream stands at its beginning again."""
    digest = hashlib.sha256()
    while piece := stream.read(READ_BYTES):
        digest.update(piece)
    stream.seek(0)
    return digest.hexdigest()


def take_result(
    uow: UnitOfWork,
    bank_code: str,
    stream: BinaryIO,
    *,
    file_name: str,
    totals: Totals | None = None,
) -> Taken:
    """Take a result file whole, or refuse it whole.

    `totals` are those of the control file, or as the bank told them; a workbook holds its own.

    Raises:
        Forbidden: this node is no county.
        Invalid: the file is not whole, or not of this bank; nothing was changed.
    """
    county, bank = str(own_county(uow)), bank_of(bank_code)
    digest = content_hash(stream)
    reserve(uow, RESULT, 0, county_code=county)  # two people who load one file queue here
    known = _known(uow, county, bank.code, digest)
    if known is not None:
        if known.refused:
            raise Invalid(known.refused, field="file")
        known.arrivals += 1
        uow.session.add(known)
        return _taken(uow, known, is_duplicate=True)
    kind = bank.result_file(file_name)
    rows = read_rows(bank, kind, stream, totals=totals, on=uow.today)
    result = _staged(uow, _Origin(bank.code, kind.direction, file_name, digest), rows)
    _apply(uow, result)
    return _taken(uow, result, is_duplicate=False)


def refuse_result(
    uow: UnitOfWork, bank_code: str, direction: Direction, *, file_name: str, digest: str, why: str
) -> None:
    """Remember that a file was refused whole, so that it is not looked at again."""
    own_county(uow)
    origin = _Origin(bank_code, direction, file_name, digest)
    uow.session.add(_head(uow, origin, refused=why))
    uow.session.flush()


def confirm_by_hand(
    uow: UnitOfWork,
    batch_no: int,
    line_no: int,
    state: LineState,
    *,
    code: str,
    bank_reference: str,
    on: date,
) -> Taken:
    """Take the bank's word for one line whose result was unclear, given outside of any file.

    Whoever calls sees to it that two people have looked. It goes the way of every result.

    Raises:
        NotFound: there is no such line.
        Conflict: the line has its answer already.
    """
    county = str(own_county(uow))
    line = uow.get(BankLine, county, batch_no, line_no)
    if state not in MOVES.get(LineState(line.state), ()):
        raise Conflict("该笔已有确定的结果，不能再改")
    row = ResultRow(batch_no, line_no, line.name, line.fen, state, code, bank_reference, on)
    digest = hashlib.sha256(f"{batch_no}-{line_no}-{state}-{bank_reference}".encode()).hexdigest()
    direction = Direction(_batch_direction(uow, county, batch_no))
    result = _staged(uow, _Origin(line.bank, direction, BY_HAND, digest), [row])
    _apply(uow, result)
    return _taken(uow, result, is_duplicate=False)


def close_line(uow: UnitOfWork, batch_no: int, line_no: int, state: LineState) -> None:
    """An unclear line whose money two people have explained otherwise; nobody is told.

    Raises:
        NotFound: there is no such line.
    """
    line = uow.get(BankLine, str(own_county(uow)), batch_no, line_no)
    if line.state == LineState.UNCLEAR:
        line.state = state.value
        uow.session.add(line)


def _batch_direction(uow: UnitOfWork, county: str, batch_no: int) -> str:
    found = select(batches.c.direction).where(
        batches.c.county_code == county, batches.c.batch_no == batch_no
    )
    direction = uow.connection.execute(found).scalar()
    if direction is None:
        raise NotFound("没有这个批次", batch_no=batch_no)
    return str(direction)


def _known(uow: UnitOfWork, county: str, bank: str, digest: str) -> BankResult | None:
    same = select(BankResult).where(
        results.c.county_code == county, results.c.bank == bank, results.c.content_hash == digest
    )
    return uow.session.scalars(same).first()


def _head(uow: UnitOfWork, origin: _Origin, *, refused: str = "") -> BankResult:
    county = str(uow.node)
    return BankResult(
        county_code=county,
        result_no=reserve(uow, RESULT, 1, county_code=county),
        bank=origin.bank,
        direction=origin.direction.value,
        file_name=origin.file_name[-120:],
        content_hash=origin.digest,
        received_at=uow.now,
        received_by=uow.actor.id,
        received_by_name=uow.actor.name,
        refused=refused,
    )


def _staged(uow: UnitOfWork, origin: _Origin, rows: Iterable[ResultRow]) -> BankResult:
    """Put the rows aside as they come, then keep all of them, judged, by one statement."""
    result = _head(uow, origin)
    connection = uow.connection
    with working_table(connection, came):
        for run in batched(rows, STAGED_ROWS):
            values = [(place, *row) for place, row in enumerate(run, result.lines + 1)]
            upsert_values(connection, came, _CAME, values)
            result.lines += len(run)
            result.fen += sum(row.fen for row in run)
        uow.session.add(result)
        uow.session.flush()
        if result.lines >= MANY_ROWS:
            tell_planner(connection, came)
        judged = {
            "county": result.county_code,
            "result": result.result_no,
            "bank": result.bank,
            "direction": result.direction,
        }
        connection.execute(_JUDGE, judged)
    return result


def _moves() -> str:
    pairs = [(line, answer) for line, answers in MOVES.items() for answer in sorted(answers)]
    return " OR ".join(f"(l.state = '{line}' AND r.state = '{answer}')" for line, answer in pairs)


# The same as `rules.judge`, for the whole file; a property test holds them together.
_JUDGE = text(f"""
    INSERT INTO bank_result_line (county_code, result_no, row_no, batch_no, line_no, name, fen,
        state, code, bank_reference, answered_on, outcome)
    SELECT :county, :result, r.row_no, r.batch_no, r.line_no, r.name, r.fen, r.state, r.code,
        r.bank_reference, r.answered_on, CASE
            WHEN b.batch_no IS NULL OR l.line_no IS NULL OR l.state = '{LineState.WAITING}'
                THEN '{Outcome.UNKNOWN}'
            WHEN r.nth > 1 THEN '{Outcome.DOUBLE}'
            WHEN r.fen <> l.fen THEN '{Outcome.AMOUNT}'
            WHEN r.name <> '' AND r.name <> l.name THEN '{Outcome.PERSON}'
            WHEN r.state = l.state THEN '{Outcome.REPEATED}'
            WHEN r.state <> '{LineState.UNCLEAR}' AND (r.nth_reference > 1 OR EXISTS (
                SELECT 1 FROM bank_line other WHERE other.county_code = :county
                    AND other.bank = :bank AND other.bank_reference = r.bank_reference
                    AND NOT (other.batch_no = r.batch_no AND other.line_no = r.line_no)
            )) THEN '{Outcome.REFERENCE}'
            WHEN {_moves()} THEN '{Outcome.TAKEN}'
            ELSE '{Outcome.CONTRADICTION}' END
    FROM (
        SELECT c.*,
            row_number() OVER (PARTITION BY batch_no, line_no ORDER BY row_no) AS nth,
            row_number() OVER (PARTITION BY bank_reference, state ORDER BY row_no)
                AS nth_reference
        FROM bank_result_came c
    ) AS r
    LEFT JOIN bank_batch b ON b.county_code = :county AND b.batch_no = r.batch_no
        AND b.bank = :bank AND b.direction = :direction
    LEFT JOIN bank_line l ON l.county_code = :county AND l.batch_no = r.batch_no
        AND l.line_no = r.line_no
    ORDER BY r.row_no
""").bindparams(bindparam("result", type_=BigInteger()))

_TAKE = text(f"""
    UPDATE bank_line SET state = r.state, code = r.code, answered_on = r.answered_on,
        result_no = r.result_no,
        bank_reference = CASE WHEN r.state = '{LineState.UNCLEAR}' THEN NULL
            ELSE r.bank_reference END
    FROM bank_result_line r
    WHERE r.county_code = :county AND r.result_no = :result AND r.outcome = '{Outcome.TAKEN}'
        AND bank_line.county_code = :county AND bank_line.batch_no = r.batch_no
        AND bank_line.line_no = r.line_no
""").bindparams(bindparam("result", type_=BigInteger()))

_DOUBTED = text(f"""
    UPDATE bank_line SET state = '{LineState.UNCLEAR}', code = r.code, result_no = r.result_no
    FROM bank_result_line r
    WHERE r.county_code = :county AND r.result_no = :result
        AND r.outcome IN ('{Outcome.AMOUNT}', '{Outcome.PERSON}', '{Outcome.REFERENCE}')
        AND bank_line.county_code = :county AND bank_line.batch_no = r.batch_no
        AND bank_line.line_no = r.line_no AND bank_line.state = '{LineState.SENT}'
""").bindparams(bindparam("result", type_=BigInteger()))


def _apply(uow: UnitOfWork, result: BankResult) -> None:
    """Take the good rows, hold the doubtful lines, tell the makers."""
    given = {"county": result.county_code, "result": result.result_no}
    connection = uow.connection
    if result.lines >= MANY_ROWS:
        tell_planner(connection, result_lines)
    connection.execute(_TAKE, given)
    connection.execute(_DOUBTED, given)
    uow.session.expire_all()
    tell_taken(uow, result.result_no)


def _taken(uow: UnitOfWork, result: BankResult, *, is_duplicate: bool) -> Taken:
    mine = (
        result_lines.c.county_code == result.county_code,
        result_lines.c.result_no == result.result_no,
    )
    counted = (
        select(result_lines.c.outcome, result_lines.c.state, func.count())
        .where(*mine)
        .group_by(result_lines.c.outcome, result_lines.c.state)
    )
    outcomes: dict[Outcome, int] = {}
    states: dict[LineState, int] = {}
    for outcome, state, number in uow.connection.execute(counted):
        outcomes[Outcome(outcome)] = outcomes.get(Outcome(outcome), 0) + number
        if outcome == Outcome.TAKEN:
            states[LineState(state)] = number
    return Taken(result.result_no, is_duplicate, result.lines, result.fen, outcomes, states)


def line_counts(uow: UnitOfWork, batch_no: int) -> dict[LineState, tuple[int, int]]:
    """How the lines of a batch stand: number and fen by state."""
    counted = (
        select(bank_lines.c.state, func.count(), func.sum(bank_lines.c.fen))
        .where(bank_lines.c.county_code == str(uow.node.county), bank_lines.c.batch_no == batch_no)
        .group_by(bank_lines.c.state)
    )
    return {
        LineState(state): (number, int(fen))
        for state, number, fen in uow.connection.execute(counted)
    }
