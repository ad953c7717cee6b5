"""Exchange files with banks through folders: `<folder>/<bank>/out` and `<folder>/<bank>/in`.

A file leaves in two steps, so that no crash presents a batch twice or never: it is written under a
hidden name in the transaction that says it was sent, and shown to the bank by a later run, when
that is committed. A file that came in is read in one run and put away (`in/done`, `in/refused`)
in a later one, when the store remembers it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from node.banking.batches import batches, files, mark_sent, part_control, parts_of, write_part
from node.banking.description import Bank, banks
from node.banking.incoming import Totals, read_control
from node.banking.models import BankBatch, BankResult
from node.banking.results import content_hash, refuse_result, results, take_result
from node.core.errors import Invalid, Refusal
from node.core.serials import reserve
from node.core.work import UnitOfWork

PENDING = ".pending"
EXCHANGE = "bank_exchange"
WAITS_FOR_CONTROL = "控制文件还没有到"


@dataclass
class Exchanged:
    """What one run did, by file name."""

    sent: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    put_away: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"报出 {len(self.sent)} 个文件，采用 {len(self.taken)} 个，"
            f"拒收 {len(self.refused)} 个，归档 {len(self.put_away)} 个"
        )

    @property
    def is_quiet(self) -> bool:
        """Nothing was done: all that was to be exchanged has been."""
        return not (self.sent or self.taken or self.refused or self.put_away)


def exchange(uow: UnitOfWork, folder: Path) -> Exchanged:
    """One run for every bank: show what was sent, write what waits, read what came."""
    done = Exchanged()
    reserve(uow, EXCHANGE, 0, county_code=str(uow.node))  # two runs at once would read one file
    for bank in banks().values():
        outward, inward = folder / bank.code / "out", folder / bank.code / "in"
        outward.mkdir(parents=True, exist_ok=True)
        for place in (inward, inward / "done", inward / "refused"):
            place.mkdir(parents=True, exist_ok=True)
        done.sent += _show(uow, outward)
        _write_waiting(uow, bank, outward, done)
        for file in sorted(path for path in inward.iterdir() if _is_file(path)):
            _read(uow, bank, file, done)
    return done


def _is_file(path: Path) -> bool:
    """A hidden one is still being written."""
    return path.is_file() and not path.name.startswith(".")


def _show(uow: UnitOfWork, outward: Path) -> Iterator[str]:
    """Show the bank what a committed transaction says was sent; the control file first."""
    pending = sorted(outward.glob(f"*{PENDING}"), key=lambda path: len(path.name), reverse=True)
    for path in pending:
        name = path.name.removeprefix(".").removesuffix(PENDING)
        sent = (
            select(files.c.file_name)
            .join(
                batches,
                (batches.c.county_code == files.c.county_code)
                & (batches.c.batch_no == files.c.batch_no),
            )
            .where(files.c.county_code == str(uow.node), batches.c.sent_at.is_not(None))
        )
        if any(name.startswith(each) for each in uow.connection.execute(sent).scalars()):
            try:
                path.rename(outward / name)
            except FileNotFoundError:  # another run of the exchange has just shown it
                continue
            yield name


def _write_waiting(uow: UnitOfWork, bank: Bank, outward: Path, done: Exchanged) -> None:
    waiting = select(BankBatch).where(
        batches.c.county_code == str(uow.node),
        batches.c.bank == bank.code,
        batches.c.sent_at.is_(None),
    )
    for batch in uow.session.scalars(waiting.order_by(batches.c.batch_no)).all():
        for part in parts_of(uow, batch.batch_no):
            _write(outward, part.file_name, write_part(uow, batch, part))
            control = part_control(batch, part)
            if control is not None:
                _write(outward, control[0], iter([control[1]]))
            done.put_away.append(part.file_name)
        mark_sent(uow, batch.batch_no)


def _write(outward: Path, name: str, pieces: Iterator[bytes]) -> None:
    with (outward / f".{name}{PENDING}").open("wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def _read(uow: UnitOfWork, bank: Bank, file: Path, done: Exchanged) -> None:
    if bank.control_suffix and file.name.endswith(bank.control_suffix):
        return
    with file.open("rb") as stream:
        digest = content_hash(stream)
        known = _known(uow, bank, digest)
        if known is not None:
            _put_away(bank, file, "refused" if known.refused else "done")
            done.put_away.append(file.name)
            return
        try:
            totals = _totals(bank, file)
            with uow.session.begin_nested():
                take_result(uow, bank.code, stream, file_name=file.name, totals=totals)
            done.taken.append(file.name)
        except Refusal as refusal:
            if refusal.message == WAITS_FOR_CONTROL:
                return
            _refuse(uow, bank, file, digest, refusal.message)
            done.refused.append(file.name)


def _known(uow: UnitOfWork, bank: Bank, digest: str) -> BankResult | None:
    same = select(BankResult).where(
        results.c.county_code == str(uow.node),
        results.c.bank == bank.code,
        results.c.content_hash == digest,
    )
    return uow.session.scalars(same).first()


def _totals(bank: Bank, file: Path) -> Totals | None:
    if bank.totals != "control_file":
        return None
    control = file.with_name(file.name + bank.control_suffix)
    if not control.exists():
        raise Invalid(WAITS_FOR_CONTROL)
    name, totals = read_control(bank, control.read_bytes())
    if name != file.name:
        raise Invalid("控制文件写的是另一个文件名，请银行核对", field="control")
    return totals


def _refuse(uow: UnitOfWork, bank: Bank, file: Path, digest: str, why: str) -> None:
    try:
        direction = bank.result_file(file.name).direction
    except Invalid:
        direction = bank.result_files[0].direction
    refuse_result(uow, bank.code, direction, file_name=file.name, digest=digest, why=why)


def _put_away(bank: Bank, file: Path, where: str) -> None:
    control = file.with_name(file.name + bank.control_suffix) if bank.control_suffix else None
    for path in (file, control):
        if path is not None and path.exists():
            path.replace(path.parent / where / path.name)
