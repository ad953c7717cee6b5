"""Somebody moves to another county: every step seen by everybody, every fen and its interest."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.accounts.service import numbers_of
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.contributions.service import pay_subsidies
from node.registry.codes import Standing
from node.registry.known import find_known
from node.transfers.rules import Custody, Step
from node.transfers.service import Side
from tests.fixtures.movers import CITY, JIYUAN, PROVINCE, ZHONGMU, Movers, open_movers
from tiers import Role

BORN = date(1985, 5, 5)


@pytest.fixture
def movers(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Movers]:
    found = open_movers(migrated_sqlite, tmp_path)
    yield found
    found.close()


def test_who_moves_has_what_who_stays_has(movers: Movers) -> None:
    """Two people with the same account, settled in July; one moves. At the year's end both have
    the same, to the fen.
    """
    stays, moves = (movers.enrol(ZHONGMU, BORN, years=[2023, 2024, 2025]) for _ in range(2))
    movers.on(date(2026, 1, 5))
    movers.enrol(JIYUAN, BORN, years=[2026])  # a county with books of its own
    movers.close_year(ZHONGMU, 2025)
    movers.on(date(2026, 7, 6))
    with movers.work(ZHONGMU, Role.ACCOUNTANT) as uow:
        pay_subsidies(uow, 2025)

    transfer = movers.ask(moves, old=ZHONGMU, new=JIYUAN)
    assert movers.listed(JIYUAN, Side.IN) == [transfer]
    assert movers.listed(ZHONGMU, Side.OUT) == []
    movers.sync()
    assert movers.listed(ZHONGMU, Side.OUT) == [transfer]
    assert movers.transfer(PROVINCE, transfer).custody is Custody.OLD

    movers.on(date(2026, 7, 20))
    settle_in_place(movers, stays, trace=transfer)
    movers.let_go(moves, old=ZHONGMU)
    assert movers.known(ZHONGMU, moves).standing is Standing.CLOSED
    assert movers.held(ZHONGMU, moves) == {}
    assert movers.transfer(ZHONGMU, transfer).custody is Custody.IN_FLIGHT
    whole = movers.transfer(ZHONGMU, transfer).fen
    assert movers.broken() == []

    movers.on(date(2026, 9, 3))  # the line was down for weeks
    movers.sync()
    assert sum(movers.held(JIYUAN, moves).values()) == whole
    assert movers.known(JIYUAN, moves).standing is Standing.ACTIVE
    assert movers.known(JIYUAN, moves).opened_on == date(2026, 7, 20)
    assert movers.years(JIYUAN, moves) == [2023, 2024, 2025]
    for region in (ZHONGMU, CITY, PROVINCE, JIYUAN):
        assert movers.transfer(region, transfer).custody is Custody.NEW, region
    assert [each.left for each in (movers.transfer(JIYUAN, transfer),)] == [15]
    assert movers.broken() == []

    movers.pay(transfer, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    assert movers.transfer(PROVINCE, transfer).state is Step.BANKED
    assert movers.listed(ZHONGMU, Side.OUT) == movers.listed(JIYUAN, Side.IN) == []
    assert movers.listed(ZHONGMU, Side.DONE) == movers.listed(JIYUAN, Side.DONE) == [transfer]
    assert movers.sums().startswith("转出 1 人")
    assert movers.sums().endswith("在途 0 人 0.00 元")

    with movers.work(JIYUAN, Role.ACCOUNTANT) as uow:
        assert pay_subsidies(uow, 2025).people == 0  # it was paid before the move
    movers.on(date(2027, 1, 5))
    for county in (ZHONGMU, JIYUAN):
        movers.close_year(county, 2026)
    there, here = movers.held(JIYUAN, moves), movers.held(ZHONGMU, stays)
    assert there == here
    assert set(there) > {Source.INDIVIDUAL}
    movers.sync()
    assert movers.broken() == []


def settle_in_place(movers: Movers, number: str, *, trace: str) -> None:
    """What a transfer does to interest, without a transfer."""
    with movers.work(ZHONGMU, Role.ACCOUNTANT) as uow:
        person_id = find_known(uow, [number])[number].person_id
        account = numbers_of(uow, [person_id])[person_id]
        settle_accounts(uow, [account], year=2026, through=7, trace=trace)
