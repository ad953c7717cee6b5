"""集体补助: what a village, an organisation or a benefactor adds for a list of people.

It goes to the accounts under its own source and does not make the year a paid one. A person gets
at most the highest grade in a year (国发〔2014〕8号 三).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel import select as select_rows

from node.accounts.balances import in_batches, postings
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.serials import own_county, serial
from node.accounts.sources import Source
from node.contributions.collective_file import ListFile, ListProblem, title_of
from node.contributions.models import CollectiveList
from node.contributions.payers import Payer, find_payers
from node.core.errors import Invalid, Problems
from node.core.i18n import sentence
from node.core.money import yuan
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.identity import require
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from node.registry.rules import normal_name
from tiers import RegionCode, Role

LIST = "collective_list"
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Share:
    """One person's part of a list, in fen; `row` is the line of the file it was read from."""

    account_no: int
    fen: int
    row: int = 0


@dataclass(frozen=True, slots=True)
class NewList:
    """A list with its control total; `reference` is the bank's or the receipt's, used once."""

    village: RegionCode
    for_year: int
    payer: str
    reference: str
    received_on: date
    total_fen: int
    shares: Sequence[Share]


def take_collective(uow: UnitOfWork, new: NewList) -> CollectiveList:
    """Book a list whole, or say everything that is wrong with it.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Problems: the total differs, the reference was used, somebody is not of the village, gets
            too much or stands twice.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    found = find_payers(
        uow, account_nos=[share.account_no for share in new.shares], citizen_numbers=[]
    ).by_account
    wrong = _share_problems(uow, new, found)
    problems = [*list_problems(uow, new), *(_of_row(each) for each in wrong)]
    if problems:
        raise Problems(problems[:MOST_SHOWN])
    moved = [
        NewPosting(
            share.account_no,
            found[share.account_no].village,
            Source.COLLECTIVE,
            Kind.COLLECTIVE,
            share.fen,
            new.received_on,
            new.for_year,
        )
        for share in new.shares
    ]
    number = serial(uow, LIST)
    memo = f"{new.for_year} 年度集体补助 {len(moved)} 人，{new.payer.strip()}"
    head = Head(Kind.COLLECTIVE, new.received_on, "collective", f"{number}", memo)
    row = CollectiveList(
        county_code=str(county),
        list_no=number,
        village=str(new.village),
        for_year=new.for_year,
        payer=new.payer.strip(),
        reference=new.reference.strip(),
        received_on=new.received_on,
        people=len(moved),
        fen=new.total_fen,
        entry_no=book(uow, Entry(head, lines_for(moved), moved)),
    )
    uow.session.add(row)
    uow.session.flush()
    return row


def list_problems(uow: UnitOfWork, new: NewList) -> Iterator[Invalid]:
    """What is wrong beside the people: payer, reference, day, control total."""
    if not new.payer.strip():
        yield Invalid("请填写补助单位", field="payer")
    if not new.reference.strip() or len(new.reference) > 64:  # noqa: PLR2004  # as wide as its column
        yield Invalid("请填写银行流水号或收据号，最多 64 个字符", field="reference")
    if new.received_on > uow.today:
        yield Invalid("到账日期不能晚于今天", field="received_on")
    if not new.shares:
        yield Invalid("名单里没有人", field="file")
    summed = sum(share.fen for share in new.shares)
    if summed != new.total_fen:
        message = "名单合计 {listed} 元，与到账的 {arrived} 元不符"
        listed, arrived = yuan(summed), yuan(new.total_fen)
        yield Invalid(message, field="total", listed=listed, arrived=arrived)
    if _is_used(uow, new.reference.strip()):
        yield Invalid("该流水号已经入账，不能重复记账", field="reference")


def _is_used(uow: UnitOfWork, reference: str) -> bool:
    used = select_rows(CollectiveList.list_no).where(
        CollectiveList.county_code == str(uow.node), CollectiveList.reference == reference
    )
    return uow.session.exec(used).first() is not None


def _of_row(wrong: ListProblem) -> Invalid:
    message = "第 {row} 行：{problem}"
    return Invalid(message, field="file", row=wrong.row, problem=wrong.message)


def _share_problems(
    uow: UnitOfWork, new: NewList, found: dict[int, Payer]
) -> Iterator[ListProblem]:
    on = max(new.received_on, date(new.for_year, 1, 1))
    grades = policy.required(uow, ContributionGrades, uow.node, on).body.grades_fen
    most, had = max(grades), _had(uow, new)
    seen: set[int] = set()
    whom, how_much = title_of("citizen_number"), title_of("fen")
    for place, share in enumerate(new.shares, 1):
        row, payer = share.row or place, found.get(share.account_no)
        if payer is None or payer.closed_on is not None:
            yield ListProblem(row, whom, "没有这个个人账户，或账户已经注销")
        elif payer.village != new.village:
            words = sentence("{name}不是这个村（社区）的人", name=payer.name)
            yield ListProblem(row, whom, words)
        elif share.account_no in seen:
            yield ListProblem(row, whom, sentence("{name}在名单里出现两次", name=payer.name))
        elif share.fen <= 0 or share.fen + had.get(share.account_no, 0) > most:
            words = sentence(
                "{name}的补助须大于零，全年不超过最高档次 {limit} 元",
                name=payer.name,
                limit=yuan(most),
            )
            yield ListProblem(row, how_much, words)
        seen.add(share.account_no)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file comes to for a village and a year: its people, and everything wrong with it."""

    shares: Sequence[Share]
    names: Mapping[int, str]
    total_fen: int
    problems: Sequence[ListProblem]


def look_at_list(
    uow: UnitOfWork, file: ListFile, *, village: RegionCode, for_year: int, received_on: date
) -> Looked:
    """Whom a file means, before anything is booked: every cell that is wrong is named.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: no bulletin of grades has reached this node.
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    found = find_payers(
        uow,
        account_nos=[row.account_no for row in file.rows if row.account_no is not None],
        citizen_numbers=[row.citizen_number for row in file.rows if row.citizen_number],
    )
    keyring = keyring_of(uow.connection)
    shares: list[Share] = []
    payers: dict[int, Payer] = {}
    problems = list(file.problems)
    for row in file.rows:
        payer = (
            found.by_account.get(row.account_no)
            if row.account_no is not None
            else found.by_index.get(keyring.index(row.citizen_number))
        )
        if payer is None:
            by = "citizen_number" if row.account_no is None else "account_no"
            problems.append(ListProblem(row.row, title_of(by), "没有找到这个人的个人账户"))
        elif row.name and normal_name(row.name) != payer.name:
            words = sentence("与参保登记的姓名“{name}”不符", name=payer.name)
            problems.append(ListProblem(row.row, title_of("name"), words))
        else:
            payers[payer.account_no] = payer
            shares.append(Share(payer.account_no, row.fen, row.row))
    new = NewList(village, for_year, "", "", received_on, file.total, shares)
    problems += _share_problems(uow, new, payers)
    return Looked(
        shares=shares,
        names={number: payer.name for number, payer in payers.items()},
        total_fen=file.total,
        problems=sorted(problems, key=lambda each: each.row),
    )


def collective_lists(uow: UnitOfWork, year: int) -> Sequence[CollectiveList]:
    """The lists booked for a year, the newest first."""
    rows = select_rows(CollectiveList).where(
        CollectiveList.county_code == str(uow.node), CollectiveList.for_year == year
    )
    return uow.session.exec(rows.order_by(col(CollectiveList.list_no).desc())).all()


def _had(uow: UnitOfWork, new: NewList) -> dict[int, int]:
    """What these people have got of the kind for the year so far."""
    had: dict[int, int] = {}
    for batch in in_batches([share.account_no for share in new.shares]):
        summed = (
            select(postings.c.account_no, func.sum(postings.c.fen))
            .where(
                postings.c.county_code == str(uow.node),
                postings.c.account_no.in_(batch),
                postings.c.source == Source.COLLECTIVE.value,
                postings.c.for_year == new.for_year,
                postings.c.kind.in_([Kind.COLLECTIVE.value, Kind.REVERSAL.value]),
            )
            .group_by(postings.c.account_no)
        )
        had.update({number: int(fen) for number, fen in uow.connection.execute(summed)})
    return had
