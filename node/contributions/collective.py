"""集体补助: what a village, an organisation or a benefactor adds for a list of people.

It goes to the accounts under its own source and does not make the year a paid one. A person gets
at most the highest grade in a year (国发〔2014〕8号 三).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from node.accounts.balances import in_batches, postings
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.serials import own_county, serial
from node.accounts.sources import Source
from node.contributions.models import CollectiveList
from node.contributions.payers import Payer, find_payers
from node.core.errors import Invalid, Problems
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from tiers import RegionCode, Role

LIST = "collective_list"
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Share:
    """One person's part of a list, in fen."""

    account_no: int
    fen: int


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
        Problems: the total differs, somebody is not of the village, gets too much or stands twice.
        IntegrityError: the reference was used.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    found = find_payers(
        uow, account_nos=[share.account_no for share in new.shares], citizen_numbers=[]
    ).by_account
    problems = [*_list_problems(uow, new), *_share_problems(uow, new, found)]
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


def _list_problems(uow: UnitOfWork, new: NewList) -> Iterator[Invalid]:
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
        yield Invalid(
            f"名单合计 {yuan(summed)} 元，与到账的 {yuan(new.total_fen)} 元不符", field="total"
        )


def _share_problems(uow: UnitOfWork, new: NewList, found: dict[int, Payer]) -> Iterator[Invalid]:
    on = max(new.received_on, date(new.for_year, 1, 1))
    grades = policy.required(uow, ContributionGrades, uow.node, on).body.grades_fen
    most, had = max(grades), _had(uow, new)
    seen: set[int] = set()
    for row, share in enumerate(new.shares, 1):
        payer = found.get(share.account_no)
        if payer is None or payer.closed_on is not None:
            yield Invalid(f"第 {row} 行：没有这个个人账户，或账户已经注销", field="file")
        elif payer.village != new.village:
            yield Invalid(f"第 {row} 行：{payer.name}不是这个村（社区）的人", field="file")
        elif share.account_no in seen:
            yield Invalid(f"第 {row} 行：{payer.name}在名单里出现两次", field="file")
        elif share.fen <= 0 or share.fen + had.get(share.account_no, 0) > most:
            limit = yuan(most)
            yield Invalid(
                f"第 {row} 行：{payer.name}的补助须大于零，全年不超过最高档次 {limit} 元",
                field="file",
            )
        seen.add(share.account_no)


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
