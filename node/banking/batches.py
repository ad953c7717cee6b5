"""Make a batch, cut it into files, write them out."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, TextualSelect, func, literal, select, update

from node.accounts.serials import own_county
from node.banking.description import bank as bank_of
from node.banking.models import BankBatch, BankFile, BankLine
from node.banking.outgoing import OutgoingLine, write_control, write_lines
from node.banking.rules import Direction, LineState, line_problems
from node.core.db import BATCH_ROWS, MANY_ROWS, tell_planner
from node.core.errors import Conflict, Invalid
from node.core.serials import reserve
from node.core.work import UnitOfWork

batches: Table = BankBatch.__table__  # type: ignore[attr-defined]
files: Table = BankFile.__table__  # type: ignore[attr-defined]
bank_lines: Table = BankLine.__table__  # type: ignore[attr-defined]

BATCH = "bank_batch"
READ_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What a batch is for. `purpose` is its maker, `reference` what the maker calls it."""

    bank: str
    direction: Direction
    purpose: str
    reference: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True)
class NewLine:
    """One person's money. `reference` is the maker's key: it stands in one live line only."""

    reference: str
    name: str
    account: str
    region: str
    fen: int
    citizen_number: str = ""


def open_batch(uow: UnitOfWork, new: NewBatch, lines: Sequence[NewLine]) -> BankBatch:
    """Make a batch of lines, numbered from 1 in their order, and cut it into files.

    Raises:
        Forbidden: this node is no county.
        Invalid: there is no line, or one does not fit the bank (see `rules.line_problems`).
        IntegrityError: something is in a live line already.
    """
    county, bank = str(own_county(uow)), bank_of(new.bank)
    for line_no, line in enumerate(lines, 1):
        for problem in line_problems(
            line.name, line.fen, encoding=bank.encoding, separator=bank.separator
        ):
            raise Invalid(f"第 {line_no} 笔（{line.name}）：{problem.message}", field="lines")
    number = _number(uow)
    rows: list[dict[str, Any]] = [
        {
            "county_code": county,
            "batch_no": number,
            "line_no": line_no,
            "bank": bank.code,
            "purpose": new.purpose,
            "reference": line.reference,
            "name": line.name,
            "citizen_number": line.citizen_number,
            "account": line.account,
            "region": line.region,
            "fen": line.fen,
            "state": LineState.WAITING.value,
            "code": "",
        }
        for line_no, line in enumerate(lines, 1)
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(bank_lines.insert(), rows[start : start + BATCH_ROWS])
    return _cut(uow, new, number)


def open_batch_from(uow: UnitOfWork, new: NewBatch, lines: TextualSelect) -> BankBatch | None:
    """The same set-based; None when there is nobody.

    `lines` selects reference, name, citizen_number, account, region, fen, and their place in the
    batch (from 1); citizen numbers and accounts as the registry keeps them, encrypted. Whoever
    does not fit the bank has been left out by its maker.
    """
    county, bank = str(own_county(uow)), bank_of(new.bank)
    number = _number(uow)
    source = lines.subquery()
    told = select(
        literal(county),
        literal(number),
        source.c.place,
        literal(bank.code),
        literal(new.purpose),
        literal(LineState.WAITING.value),
        literal(""),
        *(source.c[name] for name in _COPIED),
    )
    columns = ["county_code", "batch_no", "line_no", "bank", "purpose", "state", "code", *_COPIED]
    uow.connection.execute(bank_lines.insert().from_select(columns, told))
    counted = select(func.count()).where(*_of(bank_lines, county, number))
    made = uow.connection.execute(counted).scalar_one()
    if not made:
        return None
    if made >= MANY_ROWS:
        tell_planner(uow.connection, bank_lines)
    return _cut(uow, new, number)


_COPIED = ("reference", "name", "citizen_number", "account", "region", "fen")


def _number(uow: UnitOfWork) -> int:
    return reserve(uow, BATCH, 1, county_code=str(uow.node))


def _of(table: Table, county: str, batch_no: int) -> tuple[Any, ...]:
    return table.c.county_code == county, table.c.batch_no == batch_no


def _cut(uow: UnitOfWork, new: NewBatch, number: int) -> BankBatch:
    county, bank = str(uow.node), bank_of(new.bank)
    part = (bank_lines.c.line_no - 1 - (bank_lines.c.line_no - 1) % bank.lines_limit).label("part")
    cut = (
        select(
            part,
            func.min(bank_lines.c.line_no),
            func.max(bank_lines.c.line_no),
            func.sum(bank_lines.c.fen),
        )
        .where(*_of(bank_lines, county, number))
        .group_by(part)
        .order_by(part)
    )
    found = uow.connection.execute(cut).all()
    if not found:
        raise Invalid("批次里没有一笔", field="lines")
    batch = BankBatch(
        county_code=county,
        batch_no=number,
        bank=bank.code,
        direction=new.direction.value,
        purpose=new.purpose,
        reference=new.reference,
        memo=new.memo,
        lines=found[-1][2],
        fen=sum(int(row[3]) for row in found),
        made_by=uow.actor.id,
        made_by_name=uow.actor.name,
        made_at=uow.now,
    )
    uow.session.add(batch)
    for part_no, (_, first, last, fen) in enumerate(found, 1):
        uow.session.add(
            BankFile(
                county_code=county,
                batch_no=number,
                part_no=part_no,
                file_name=bank.file_name(new.direction, batch=number, part=part_no),
                first_line=first,
                last_line=last,
                fen=int(fen),
            )
        )
    uow.session.flush()
    return batch


def write_part(uow: UnitOfWork, batch: BankBatch, part: BankFile) -> Iterator[bytes]:
    """The content of one file; the same bytes whenever it is written."""
    yield from write_lines(bank_of(batch.bank), _outgoing(uow, batch, part))


def part_control(batch: BankBatch, part: BankFile) -> tuple[str, bytes] | None:
    """The control file that goes with a file: its name and content; None for a workbook."""
    bank = bank_of(batch.bank)
    if bank.totals != "control_file":
        return None
    lines = part.last_line - part.first_line + 1
    content = write_control(bank, part.file_name, lines=lines, fen=part.fen)
    return f"{part.file_name}{bank.control_suffix}", content


def _outgoing(uow: UnitOfWork, batch: BankBatch, part: BankFile) -> Iterator[OutgoingLine]:
    columns = (
        bank_lines.c.line_no,
        bank_lines.c.name,
        bank_lines.c.citizen_number,
        bank_lines.c.account,
        bank_lines.c.region,
        bank_lines.c.fen,
    )
    for first in range(part.first_line, part.last_line + 1, READ_ROWS):
        last = min(first + READ_ROWS - 1, part.last_line)
        rows = (
            select(*columns)
            .where(
                *_of(bank_lines, batch.county_code, batch.batch_no),
                bank_lines.c.line_no.between(first, last),
            )
            .order_by(bank_lines.c.line_no)
        )
        for row in uow.connection.execute(rows):
            yield OutgoingLine(batch.batch_no, *row, purpose=batch.memo)


def parts_of(uow: UnitOfWork, batch_no: int) -> Sequence[BankFile]:
    """The files of a batch, in their order."""
    found = select(BankFile).where(*_of(files, str(uow.node.county), batch_no))
    return uow.session.scalars(found.order_by(files.c.part_no)).all()


def mark_sent(uow: UnitOfWork, batch_no: int) -> BankBatch:
    """The files have been handed to the bank: from now on it may do what they say.

    Raises:
        NotFound: there is no such batch.
        Conflict: it was sent before.
    """
    batch = uow.get(BankBatch, str(own_county(uow)), batch_no)
    if batch.sent_at is not None:
        raise Conflict("该批次已经报送银行，不能再报")
    for part in parts_of(uow, batch_no):
        digest = hashlib.sha256()
        for piece in write_part(uow, batch, part):
            digest.update(piece)
        part.content_hash = digest.hexdigest()
    batch.sent_at = uow.now
    uow.session.add(batch)
    uow.connection.execute(
        update(bank_lines)
        .where(*_of(bank_lines, batch.county_code, batch_no))
        .values(state=LineState.SENT.value)
    )
    return batch
