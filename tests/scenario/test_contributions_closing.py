"""The income account against the bank: days, transfers, a month without a fen unexplained."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from node.accounts.balances import balances
from node.accounts.models import PeriodLock
from node.accounts.sources import Source
from node.contributions.closing import close_day, close_month, income_month, transfer
from node.contributions.collective import NewList, Share, take_collective
from node.contributions.service import Doubt, Proposal, Way, decide, propose, take_in
from node.core.errors import Conflict, Forbidden, Invalid, Problems
from tests.fixtures.collecting import (
    TIMEOUT,
    answered,
    ordered,
    presented,
    reviewer,
    said,
    with_cards,
)
from tests.fixtures.county import (
    OTHER_VILLAGE,
    VILLAGE,
    County,
    closing,
    open_county,
)
from tiers import RegionCode

DAY = date(2025, 9, 1)
OCTOBER = date(2025, 10, 4)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        yield found.on(DAY)


def collected(county: County, count: int = 2) -> None:
    """So many people pay on the first of September, one is unclear."""
    with_cards(county, count + 1)
    ordered(county)
    rows = said(county, presented(county))
    answered(county, [*rows[:-1], (*rows[-1][:4], TIMEOUT)])


def reasons(problems: Problems) -> str:
    return " ".join(each.message for each in problems.problems)


def test_a_month_closes_when_every_fen_is_explained(county: County) -> None:
    collected(county)
    with county.work(county.accountant) as uow:
        item = take_in(
            uow,
            fen=777,
            received_on=DAY,
            reference="X",
            payer="",
            kind=Doubt.UNKNOWN_PAYER,
        ).item_no
    county.on(OCTOBER)
    with county.work(county.accountant) as uow, pytest.raises(Problems) as caught:
        close_month(uow, 2025, 9, bank_balance_fen=40_776)
    said_why = reasons(caught.value)
    for why in (
        "还有 1 天没有对账：1 日",
        "还有 1 笔待查款项、7.77 元没有处理",
        "还有 1 笔扣款、200.00 元银行没有明确结果",
        "暂收待查款有 7.77 元没有说明",
        "收入户还有 400.00 元没有划转财政专户",
        "银行对账单余额 407.76 元，账上 407.77 元，相差 −0.01 元",
    ):
        assert why in said_why

    with county.work(county.accountant) as uow:
        with pytest.raises(Invalid, match=r"相差 0\.01 元"):
            close_day(uow, DAY, bank_fen=40_778)
        close_day(uow, DAY, bank_fen=40_777)
        with pytest.raises(Conflict):
            close_day(uow, DAY, bank_fen=40_777)
        transfer(uow, fen=40_000, on=date(2025, 9, 30), reference="T1")
        propose(uow, item, Proposal(Way.REFUND, "查无此人"))
    with county.work(reviewer()) as uow:
        decide(uow, item)
    answered(county, [(1, 3, "赵样本", 20_000, "E000001")], serial="2")
    with county.work(county.accountant) as uow, pytest.raises(Problems) as caught:
        close_month(uow, 2025, 9, bank_balance_fen=777)
    assert reasons(caught.value) == "还有 1 天没有对账：30 日"
    with county.work(county.accountant) as uow:
        close_day(uow, date(2025, 9, 30), bank_fen=0)
        found = close_month(uow, 2025, 9, bank_balance_fen=777)
        assert (found.received_fen, found.transferred_fen, found.balance_fen) == (
            40_777,
            40_000,
            777,
        )
        assert [lock.month for lock in uow.session.scalars(select(PeriodLock))] == [9]
    with county.work(county.accountant) as uow, pytest.raises(Invalid, match="已经结账"):
        take_in(
            uow,
            fen=1,
            received_on=DAY,
            reference="Y",
            payer="",
            kind=Doubt.UNKNOWN_PAYER,
        )
    with county.work() as uow:
        assert income_month(uow, 2025, 10).balance_fen == 0  # the refund of October


def test_a_day_that_moved_after_it_was_reconciled_is_open_again(county: County) -> None:
    with county.work(county.accountant) as uow:
        close_day(uow, DAY, bank_fen=0)
        take_in(uow, fen=5, received_on=DAY, reference="X", payer="", kind=Doubt.UNKNOWN_PAYER)
        (day,) = income_month(uow, 2025, 9).days
        assert day.closing is None
        close_day(uow, DAY, bank_fen=5)
        (day,) = income_month(uow, 2025, 9).days
        assert day.closing is not None


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"fen": 0}, "大于零"),
        ({"fen": 10**9}, "不够划转"),
        ({"reference": " "}, "凭证号"),
        ({"on": date(2025, 9, 2)}, "晚于今天"),
    ],
)
def test_only_what_is_there_can_be_transferred(
    county: County, over: dict[str, object], why: str
) -> None:
    collected(county, 1)
    given = {"fen": 20_000, "on": DAY, "reference": "T"} | over
    with county.work(county.accountant) as uow, pytest.raises(Invalid, match=why):
        transfer(uow, **given)  # type: ignore[arg-type]
    with county.work(county.approver) as uow, pytest.raises(Forbidden):
        transfer(uow, fen=1, on=DAY, reference="T")


def village_list(shares: list[Share], **over: object) -> NewList:
    given = {
        "village": RegionCode(VILLAGE),
        "for_year": 2025,
        "payer": "样本村委会",
        "reference": "C1",
        "received_on": DAY,
        "total_fen": sum(share.fen for share in shares),
        "shares": shares,
    }
    return NewList(**(given | over))  # type: ignore[arg-type]


def test_a_village_adds_for_its_people(county: County) -> None:
    one, two = with_cards(county, 2)
    with county.work(county.accountant) as uow:
        take_collective(uow, village_list([Share(one, 5_000), Share(two, 100_000)]))
        assert balances(uow, [one, two]) == {
            one: {Source.COLLECTIVE: 5_000},
            two: {Source.COLLECTIVE: 100_000},
        }
    with county.work(county.accountant) as uow, pytest.raises(Problems, match="流水号已经入账"):
        take_collective(uow, village_list([Share(one, 1)]))


def test_a_list_is_refused_with_everything_that_is_wrong(county: County) -> None:
    one, two = with_cards(county, 2)
    (other,) = with_cards(county, 1, village=OTHER_VILLAGE)
    shares = [Share(one, 1), Share(one, 1), Share(two, 100_001), Share(other, 1), Share(99, 1)]
    with county.work(county.accountant) as uow, pytest.raises(Problems) as caught:
        take_collective(uow, village_list(shares, total_fen=7, payer=" "))
    told = reasons(caught.value)
    for why in ("补助单位", "不符", "出现两次", "不超过最高档次", "不是这个村", "没有这个"):
        assert why in told
