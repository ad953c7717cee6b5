"""People move between counties: cases at both, records over the province, every fen told."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.accounts.sources import Source
from node.registry.codes import Standing
from node.transfers.rules import Custody, Step
from node.transfers.service import Side
from tests.fixtures.movers import (
    CITY,
    JIYUAN,
    PROVINCE,
    XINZHENG,
    ZHONGMU,
    Movers,
    open_movers,
)

BORN = date(1985, 5, 5)


@pytest.fixture
def movers(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Movers]:
    found = open_movers(migrated_sqlite, tmp_path)
    yield found
    found.close()


def test_from_the_letter_to_the_money(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=[2023, 2024, 2025])
    movers.on(date(2026, 7, 6))
    transfer = movers.ask(number, old=ZHONGMU, new=JIYUAN)
    assert movers.listed(JIYUAN, Side.IN) == [transfer]
    assert movers.listed(ZHONGMU, Side.OUT) == []
    movers.sync()
    assert movers.listed(ZHONGMU, Side.OUT) == [transfer]
    assert movers.transfer(PROVINCE, transfer).custody is Custody.OLD

    movers.let_go(number, old=ZHONGMU)
    assert movers.known(ZHONGMU, number).standing is Standing.CLOSED
    assert movers.held(ZHONGMU, number) == {}
    assert movers.transfer(ZHONGMU, transfer).custody is Custody.IN_FLIGHT
    released = movers.transfer(ZHONGMU, transfer).steps[Step.RELEASED]
    assert released["fen"] > 60_000
    assert movers.broken() == []

    movers.sync()
    assert movers.held(JIYUAN, number) == {Source.INDIVIDUAL: released["fen"]}
    assert movers.known(JIYUAN, number).standing is Standing.ACTIVE
    assert movers.known(JIYUAN, number).opened_on == date(2026, 7, 6)
    assert movers.years(JIYUAN, number) == [2023, 2024, 2025]
    for region in (ZHONGMU, CITY, PROVINCE, JIYUAN):
        assert movers.transfer(region, transfer).custody is Custody.NEW, region
    assert movers.broken() == []

    movers.pay(transfer, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    assert movers.listed(ZHONGMU, Side.OUT) == movers.listed(JIYUAN, Side.IN) == []
    assert movers.listed(ZHONGMU, Side.DONE) == movers.listed(JIYUAN, Side.DONE) == [transfer]
    assert movers.broken() == []
    assert movers.sums().startswith("转出 1 人")
    assert movers.sums().endswith("在途 0 人 0.00 元")


def test_between_counties_of_one_city(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=[2025])
    movers.on(date(2026, 7, 6))
    transfer = movers.move(number, old=ZHONGMU, new=XINZHENG)
    assert movers.transfer(PROVINCE, transfer).state is Step.BANKED
    assert movers.broken() == []
