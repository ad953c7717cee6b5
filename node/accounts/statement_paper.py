"""Statements on paper (对账单): one, or a whole village's, page by page while they are made."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import and_
from sqlmodel import col, select

from node.accounts.models import Account
from node.accounts.service import printed
from node.accounts.statement import Statement, statement
from node.core.divisions import Places
from node.core.money import yuan
from node.core.personal import mask_citizen_number
from node.core.sheets import Align, Sheets
from node.core.work import UnitOfWork
from node.registry.models import Person
from tiers import RegionCode

PEOPLE_TOGETHER = 50
"""So many people are read in one short transaction: nobody waits behind a whole village."""

Work = Callable[[], AbstractContextManager[UnitOfWork]]
METHOD = (
    "利息按月积数法计算：每笔金额乘以计息月数得月积数，月积数之和乘以年利率除以 12，"
    "每个来源四舍五入到分。"
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who hands a statement over, and when."""

    office: str
    printed_on: str
    places: Places


def statement_pdf(uow: UnitOfWork, head: Letterhead, account: Account, year: int) -> bytes:
    """One person's statement of a year."""
    person = uow.get(Person, account.county_code, account.person_id)
    sheets = Sheets(f"{year} 年度个人账户对账单", footer=head.office)
    draw(sheets, head, person, statement(uow, account, year))
    return b"".join(sheets.end())


def village_statements(
    work: Work, head: Letterhead, village: RegionCode, year: int
) -> Iterator[bytes]:
    """The statements of everybody of a village, in the order of account numbers.

    Each page is sent when it is full; memory holds one page and a few people, however many follow.
    """
    sheets = Sheets(f"{head.places.name(village)} {year} 年度个人账户对账单", footer=head.office)
    after = 0
    while True:
        with work() as uow:
            people = _people(uow, village, after)
            for account, person in people:
                draw(sheets, head, person, statement(uow, account, year))
                yield sheets.taken()
                after = account.account_no
        if len(people) < PEOPLE_TOGETHER:
            break
    if not after:
        sheets.begin()
        sheets.line(f"{head.places.path(village)}还没有个人账户。")
    yield from sheets.end()


def _people(uow: UnitOfWork, village: RegionCode, after: int) -> Sequence[tuple[Account, Person]]:
    found = (
        select(Account, Person)
        .join(
            Person,
            and_(
                col(Person.county_code) == col(Account.county_code),
                col(Person.id) == col(Account.person_id),
            ),
        )
        .where(
            Account.county_code == str(village.county),
            Account.village == str(village),
            Account.account_no > after,
        )
        .order_by(col(Account.account_no))
        .limit(PEOPLE_TOGETHER)
    )
    return [(row[0], row[1]) for row in uow.session.exec(found)]


def draw(sheets: Sheets, head: Letterhead, person: Person, found: Statement) -> None:
    """Draw one statement as the next form."""
    account = found.account
    sheets.begin()
    sheets.heading("城乡居民社会养老保险个人账户对账单", under=f"{found.year} 年度　单位：元")
    sheets.facts(
        [
            ("姓名", person.name),
            ("公民身份号码", mask_citizen_number(person.citizen_number)),
            ("个人账户号", printed(account.county_code, account.account_no)),
            ("所在村（社区）", head.places.path(account.village)),
        ]
    )
    _sources(sheets, found)
    _lines(sheets, found)
    _workings(sheets, found)
    _corrections(sheets, found)
    sheets.space()
    if found.is_settled:
        sheets.line(METHOD)
    else:
        sheets.line(f"{found.year} 年度还没有结息，以上为截至 {head.printed_on} 的记账。")
    sheets.to_sign("经办人", "复核人", "参保人")
    sheets.line(f"打印日期：{head.printed_on}")


def _sources(sheets: Sheets, found: Statement) -> None:
    rows = [
        [
            each.source.title,
            yuan(each.opening),
            yuan(each.movement),
            "未结息" if each.product is None else yuan(each.product),
            "未结息" if each.interest is None else yuan(each.interest),
            yuan(each.closing),
        ]
        for each in found.sources
    ]
    moved = sum(each.movement for each in found.sources)
    interest = yuan(found.interest) if found.is_settled else ""
    rows.append(["合计", yuan(found.opening), yuan(moved), "", interest, yuan(found.closing)])
    aligns: Sequence[Align] = ("L", "R", "R", "R", "R", "R")
    sheets.section("按来源")
    sheets.table(
        ["来源", "年初余额", "本年变动", "月积数（元·月）", "年度利息", "期末余额"],
        rows,
        widths=[3, 3, 3, 4, 3, 3],
        aligns=aligns,
    )


def _lines(sheets: Sheets, found: Statement) -> None:
    if not found.lines:
        return
    sheets.section("明细")
    sheets.table(
        ["日期", "摘要", "来源", "依据", "金额", "余额"],
        [
            [
                line.on.isoformat(),
                line.summary,
                line.source.title,
                line.basis,
                "" if line.fen is None else yuan(line.fen),
                yuan(line.balance),
            ]
            for line in found.lines
        ],
        widths=[3, 4.6, 2.8, 4.4, 2.8, 2.8],
        aligns=("L", "L", "L", "L", "R", "R"),
    )


def _workings(sheets: Sheets, found: Statement) -> None:
    rows = []
    for each in found.workings:
        rows += [
            [each.source.title, term.label, yuan(term.fen), str(term.months), yuan(term.product)]
            for term in each.terms
        ]
        total = f"{each.title}：{each.words}"
        rows.append([each.source.title, total, yuan(each.interest), "", yuan(each.product)])
    if rows:
        sheets.section("利息是怎样算出来的")
        sheets.table(
            ["来源", "项目", "金额", "计息月数", "月积数"],
            rows,
            widths=[2.8, 8.4, 3, 2.2, 3.6],
            aligns=("L", "L", "R", "R", "R"),
        )


def _corrections(sheets: Sheets, found: Statement) -> None:
    if not found.corrections:
        return
    sheets.section("此后的更正")
    sheets.table(
        ["来源", "更正", "原因", "差额"],
        [
            [each.source.title, each.words, each.reason, yuan(each.fen)]
            for each in found.corrections
        ],
        widths=[2.8, 8, 6, 2.6],
        aligns=("L", "L", "L", "R"),
    )
