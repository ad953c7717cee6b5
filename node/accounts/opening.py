"""Opening balances from an older system (期初数据): looked at, put up by one, accepted by another.

Control totals come from the older system's own report: people and yuan as typed must be those of
the file to the fen. A file is posted whole, in one voucher, or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from sqlalchemy import Table, select

from node.accounts.balances import accounts, in_batches, postings, settled_year
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.models import LedgerRequest
from node.accounts.opening_file import NAME, NUMBER, OpeningFile, OpeningProblem, read_opening
from node.accounts.requests import Kinds, ask, decide, requests
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.core.errors import Conflict, Invalid
from node.core.i18n import sentence
from node.core.money import yuan
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.models import Person

FILE_LARGEST = 10 * 1024 * 1024
PROBLEMS_KEPT = 500
POSTINGS_LARGEST = 100_000

_people: Table = Person.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file as it was looked at: what it holds, whose accounts it means, everything wrong."""

    file: OpeningFile
    digest: str
    accounts: Mapping[int, tuple[int, str]]

    @property
    def problems(self) -> Sequence[OpeningProblem]:
        """Everything that keeps the file from being taken, by row."""
        return self.file.problems


def check_opening(uow: UnitOfWork, content: bytes, *, filename: str) -> Checked:
    """Read a file and find its people; nothing is kept.

    Raises:
        Forbidden: this node keeps no accounts.
        Invalid: the file cannot be read.
    """
    own_county(uow)
    if len(content) > FILE_LARGEST:
        raise Invalid("文件不能超过 10 MB", field="file")
    file = read_opening(content, filename=filename)
    found = _owners(uow, file)
    problems = list(file.problems)
    has = _opened(uow, [number for number, _, _ in found.values()])
    known: dict[int, tuple[int, str]] = {}
    for row in file.rows:
        owner = found.get(row.citizen_number)
        if owner is None:
            if row.citizen_number:
                problems.append(
                    OpeningProblem(row.row, NUMBER, "没有这个人的个人账户，请先办理参保登记")
                )
            continue
        number, name, village = owner
        if row.name and row.name != name:
            problems.append(
                OpeningProblem(row.row, NAME, sentence("与参保登记的姓名“{name}”不符", name=name))
            )
        if number in has:
            problems.append(OpeningProblem(row.row, NUMBER, "该账户已经有期初余额"))
        known[row.row] = (number, village)
    ordered = sorted(problems, key=lambda each: each.row)
    return Checked(replace(file, problems=ordered), sha256(content).hexdigest(), known)


def request_opening(
    uow: UnitOfWork,
    content: bytes,
    *,
    filename: str,
    people: int,
    fen: int,
    as_of: date,
) -> LedgerRequest:
    """Put a file up for acceptance; `people` and `fen` are the control totals.

    Raises:
        Forbidden: this person does not keep accounts.
        Invalid: a cell is wrong, the control totals differ, or the day is not the last of a year.
    """
    checked = check_opening(uow, content, filename=filename)
    _check_day(uow, as_of)
    if checked.problems:
        first = checked.problems[0]
        raise Invalid(
            "文件有 {count} 处需要改正，例如第 {row} 行“{column}”：{problem}",
            field="file",
            count=len(checked.problems),
            row=first.row,
            column=first.column,
            problem=first.message,
        )
    _check_totals(checked.file, people, fen)
    moved = [
        [*checked.accounts[row.row], source.value, amount]
        for row in checked.file.rows
        for source, amount in row.fen.items()
    ]
    if len(moved) > POSTINGS_LARGEST:
        raise Invalid(
            "一次最多 {most} 笔，请分成几个文件",
            field="file",
            most=POSTINGS_LARGEST,
        )
    told = {
        "filename": filename,
        "people": people,
        "fen": fen,
        "as_of": as_of.isoformat(),
        "by_source": {source.value: part for source, part in checked.file.by_source.items()},
    }
    body = {"as_of": as_of.isoformat(), "moved": moved}
    return ask(uow, Kinds.OPENING, subject=checked.digest, body=body, told=told)


def accept_opening(uow: UnitOfWork, request_id: str) -> LedgerRequest:
    """Post a file somebody else has put up: one voucher for all of it.

    Raises:
        Forbidden: this person does not approve.
        Conflict: somebody has an opening balance by now.
    """
    request = decide(uow, Kinds.OPENING, request_id)
    as_of = date.fromisoformat(request.body["as_of"])
    _check_day(uow, as_of)
    moved = [
        NewPosting(number, village, Source(source), Kind.OPENING, fen, as_of, as_of.year)
        for number, village, source, fen in request.body["moved"]
    ]
    doubled = _opened(uow, sorted({each.account_no for each in moved}))
    if doubled:
        raise Conflict(
            "账户 {first} 等 {count} 户已经有期初余额",
            first=min(doubled),
            count=len(doubled),
        )
    memo = f"期初数据 {request.told['people']} 人，{request.told['filename']}"
    head = Head(Kind.OPENING, uow.today, "request", request.id, memo)
    request.entry_no = book(uow, Entry(head, lines_for(moved), moved))
    return request


def refuse_opening(uow: UnitOfWork, request_id: str) -> LedgerRequest:
    """Send a file back; nothing is posted."""
    return decide(uow, Kinds.OPENING, request_id, approve=False)


def openings(uow: UnitOfWork) -> Sequence[LedgerRequest]:
    """Files that were put up, the newest first."""
    return requests(uow, Kinds.OPENING)


def _check_day(uow: UnitOfWork, as_of: date) -> None:
    """The last day of the year before: what was there then counts from New Year's Day."""
    if as_of != date(uow.today.year - 1, 12, 31):
        raise Invalid("期初日应为 {year}-12-31", field="as_of", year=uow.today.year - 1)
    closed = settled_year(uow.connection, str(own_county(uow)))
    if closed is not None and closed < as_of.year:
        raise Invalid("请先完成 {year} 年度结息", field="as_of", year=closed + 1)


def _check_totals(file: OpeningFile, people: int, fen: int) -> None:
    if len(file.rows) != people:
        raise Invalid(
            "文件有 {listed} 人，控制数为 {people} 人",
            field="people",
            listed=len(file.rows),
            people=people,
        )
    if file.total != fen:
        raise Invalid(
            "文件合计 {listed} 元，控制数为 {stated} 元，相差 {difference} 元",
            field="total",
            listed=yuan(file.total),
            stated=yuan(fen),
            difference=yuan(file.total - fen),
        )


def _owners(uow: UnitOfWork, file: OpeningFile) -> dict[str, tuple[int, str, str]]:
    """Account number, name and village by citizen number."""
    keyring = keyring_of(uow.connection)
    indexes = {keyring.index(row.citizen_number): row.citizen_number for row in file.rows}
    found: dict[str, tuple[int, str, str]] = {}
    wanted = list(indexes)
    for start in range(0, len(wanted), 500):
        rows = (
            select(
                _people.c.citizen_index, _people.c.name, accounts.c.account_no, accounts.c.village
            )
            .join(
                accounts,
                (accounts.c.county_code == _people.c.county_code)
                & (accounts.c.person_id == _people.c.id),
            )
            .where(
                _people.c.county_code == str(own_county(uow)),
                _people.c.citizen_index.in_(wanted[start : start + 500]),
                accounts.c.closed_on.is_(None),
            )
        )
        for index, name, number, village in uow.connection.execute(rows):
            found[indexes[index]] = (number, name, village)
    return found


def _opened(uow: UnitOfWork, numbers: Sequence[int]) -> set[int]:
    """Accounts that have an opening balance which was not taken back."""
    columns = postings.c
    mirrored = postings.alias()
    taken_back = select(mirrored.c.entry_no).where(
        mirrored.c.county_code == columns.county_code,
        mirrored.c.reverses_entry == columns.entry_no,
        mirrored.c.reverses_line == columns.line_no,
    )
    found: set[int] = set()
    for batch in in_batches(numbers):
        rows = select(columns.account_no).where(
            columns.county_code == str(own_county(uow)),
            columns.year <= uow.today.year,
            columns.account_no.in_(batch),
            columns.kind == Kind.OPENING.value,
            ~taken_back.exists(),
        )
        found |= {row[0] for row in uow.connection.execute(rows)}
    return found
