"""To and from other provinces and the employees' scheme: papers, arithmetic, books."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from node.accounts.sources import Source
from node.core.errors import Problems
from node.registry.codes import Standing
from node.transfers import service as transfers
from node.transfers.rules import Custody, Step
from node.transfers.service import Side
from tests.fixtures.movers import PROVINCE, VILLAGES, ZHONGMU, Movers, open_movers
from tests.scenario.test_transfers_refused import problems
from tiers import Role

BORN = date(1985, 5, 5)


@pytest.fixture(scope="module")
def movers(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Movers]:
    found = open_movers(migrated_sqlite, tmp_path_factory.mktemp("elsewhere"))
    found.on(date(2026, 7, 6))
    yield found
    found.sync()
    assert found.broken() == []
    found.close()


def away(number: str, **over: Any) -> dict[str, Any]:
    form = {
        "name": "赵样本",
        "citizen_number": number,
        "village": VILLAGES[ZHONGMU],
        "to": "elsewhere",
        "agency": "样本省样本县居保中心",
        "letter_number": "样联〔2026〕12号",
        "letter_on": "2026-07-01",
    }
    return form | over


def sheet(movers: Movers, number: str, **over: Any) -> dict[str, Any]:
    form = movers.form(number, old=ZHONGMU, new=ZHONGMU)
    del form["from_county"], form["moved_on"]
    more = {
        "origin": "elsewhere",
        "agency": "样本省样本县居保中心",
        "sheet_number": f"信-{number[-4:]}",
        "years": "2012-2014、2020",
        "individual": "1,200.50",
        "subsidy": "150",
    }
    return form | more | over


def test_to_another_province(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=[2024, 2025])
    transfer = movers.decide(ZHONGMU, "transfer_away", away(number))
    assert movers.known(ZHONGMU, number).standing is Standing.CLOSED
    assert movers.held(ZHONGMU, number) == {}
    seen = movers.transfer(ZHONGMU, transfer)
    assert (seen.custody, seen.fen) == (Custody.IN_FLIGHT, 40_000)
    assert transfer in movers.listed(ZHONGMU, Side.OUT)
    with movers.work(ZHONGMU, Role.ACCOUNTANT) as uow:
        transfers.pay(uow, transfer, reference="汇-1")
    assert transfer in movers.listed(ZHONGMU, Side.DONE)
    movers.sync()
    assert movers.transfer(PROVINCE, transfer).custody is Custody.NEW


def test_to_the_employees_scheme_gives_back_what_was_paid_twice(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=[2024, 2025])
    form = away(number, to="employees", total_months=179, double_months="2025:6")
    with pytest.raises(Problems) as caught:
        movers.decide(ZHONGMU, "transfer_away", form)
    assert "不满 15 年" in problems(caught)
    assert "法定退休年龄" in problems(caught)
    bad = form | {"total_months": 180, "is_of_age": True, "double_months": "2025:13"}
    with pytest.raises(Problems) as caught:
        movers.decide(ZHONGMU, "transfer_away", bad)
    assert [each.field for each in caught.value.problems] == ["double_months"]
    transfer = movers.decide(
        ZHONGMU, "transfer_away", form | {"total_months": 180, "is_of_age": True}
    )
    assert movers.transfer(ZHONGMU, transfer).fen == 30_000  # half of 2025 is the person's
    assert movers.held(ZHONGMU, number) == {}


def test_from_another_province_with_years_and_money(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN)  # only to have a number nobody else has
    fresh = number[:-4] + "9"  # not a number at all
    with pytest.raises(Problems):
        movers.decide(ZHONGMU, "transfer_from", sheet(movers, fresh))
    with pytest.raises(Problems) as caught:
        movers.decide(ZHONGMU, "transfer_from", sheet(movers, number))
    assert "已经参保" in problems(caught)
    movers.decide(ZHONGMU, "transfer_away", away(number, letter_number="样联2"))
    form = sheet(movers, number)
    with pytest.raises(Problems) as caught:
        movers.decide(ZHONGMU, "transfer_from", form | {"years": "十二年", "individual": "许多"})
    assert caught.value.problems
    transfer = movers.decide(ZHONGMU, "transfer_from", form)
    held = {Source.INDIVIDUAL: 120_050, Source.SUBSIDY_PROVINCE: 15_000}
    assert movers.held(ZHONGMU, number) == held
    assert movers.years(ZHONGMU, number) == [2012, 2013, 2014, 2020]
    assert transfer in movers.listed(ZHONGMU, Side.IN)
    with movers.work(ZHONGMU, Role.ACCOUNTANT) as uow:
        transfers.bank(uow, transfer, reference="收-9")
    seen = movers.transfer(ZHONGMU, transfer)
    assert (seen.state, seen.custody, seen.left) == (Step.BANKED, Custody.NEW, None)


def test_from_the_employees_scheme_the_months_become_years(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=[2026])
    form = sheet(movers, number, origin="employees", years="", is_of_age=True, subsidy="")
    months = "、".join(f"{year}:12" for year in range(2005, 2020))
    with pytest.raises(Problems) as caught:
        movers.decide(ZHONGMU, "transfer_from", form | {"months": months})
    assert "应按职工养老保险领取" in problems(caught)
    movers.decide(ZHONGMU, "transfer_from", form | {"months": "2011:12，2012:7、2013:5"})
    assert movers.years(ZHONGMU, number) == [2011, 2012, 2026]
    assert movers.held(ZHONGMU, number) == {Source.INDIVIDUAL: 120_050 + 20_000}
