"""Who does not leave and why; what arrives twice, dies in between, or comes back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from node.accounts.models import PeriodLock
from node.accounts.sources import Source
from node.benefits.service import Claim, determine_many
from node.cases import service as cases
from node.core.errors import Conflict, Problems, Refusal
from node.registry.codes import Standing
from node.transfers import intake, release
from node.transfers import service as transfers
from node.transfers.records import KINDS, steps_of
from node.transfers.rules import Custody, Step
from node.transfers.service import Side
from sync import Arrived
from tests.fixtures.movers import (
    JIYUAN,
    PARENTS,
    PROVINCE,
    VILLAGES,
    XINZHENG,
    ZHONGMU,
    Movers,
    open_movers,
)
from tests.scenario.sync_tree import fall, rise
from tiers import Role

BORN = date(1985, 5, 5)
YEARS = [2024, 2025, 2026]
WHOLE = 20_000 * len(YEARS)


class Killed(BaseException):
    """What a power cut is to a transaction: no handler of ours answers it."""


@pytest.fixture(scope="module")
def movers(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Movers]:
    """A day in July 2026 that all stories of this file share, each about somebody else."""
    found = open_movers(migrated_sqlite, tmp_path_factory.mktemp("movers"))
    found.on(date(2026, 7, 6))
    yield found
    assert found.broken() == []
    found.close()


def problems(caught: pytest.ExceptionInfo[Refusal]) -> str:
    refusal = caught.value
    return "；".join(each.message for each in getattr(refusal, "problems", [refusal]))


def test_the_application_is_refused_at_the_door(movers: Movers) -> None:
    here = movers.enrol(JIYUAN, BORN)
    with pytest.raises(Problems) as caught:
        movers.ask(here, old=ZHONGMU, new=JIYUAN)
    assert "已经参保" in problems(caught)
    number = movers.enrol(ZHONGMU, BORN)
    for old, why in ((JIYUAN, "变更登记"), ("", "请选择原参保县")):
        with pytest.raises(Problems) as caught:
            movers.ask(number, old=old, new=JIYUAN)
        assert why in problems(caught)
    movers.ask(number, old=ZHONGMU, new=JIYUAN)
    with pytest.raises(Refusal) as twice:
        movers.ask(number, old=ZHONGMU, new=JIYUAN)
    assert "接收函" in problems(twice)


def test_nobody_leaves_without_a_letter_or_with_a_case_under_way(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    with pytest.raises(Problems) as caught:
        movers.let_go(number, old=ZHONGMU)
    assert "没有收到转入地的接收函" in problems(caught)
    movers.ask(number, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    pause = {
        "name": "赵样本",
        "citizen_number": number,
        "village": VILLAGES[ZHONGMU],
        "reason": "military",
        "since": "2026-07-06",
    }
    with movers.work(ZHONGMU, Role.ACCEPTOR) as uow:
        open_case = cases.submit(uow, "contribution_pause", pause)
    with pytest.raises(Problems) as caught:
        movers.let_go(number, old=ZHONGMU)
    assert open_case.number in problems(caught)


def test_who_draws_a_pension_stays_and_the_other_county_reads_why(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, date(1950, 1, 1))
    person = movers.known(ZHONGMU, number).person_id
    with movers.work(ZHONGMU, Role.APPROVER) as uow:
        (found,) = determine_many(uow, [Claim(person, bank_account="6217000012345678903")])
        assert isinstance(found, str)
    transfer = movers.ask(number, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    with pytest.raises(Problems) as caught:
        movers.let_go(number, old=ZHONGMU)
    assert "待遇由原参保地继续发放" in problems(caught)
    with movers.work(ZHONGMU, Role.REVIEWER) as uow:
        transfers.refuse(uow, transfer, reason="已领取待遇，由我县继续发放")
    with movers.work(ZHONGMU, Role.REVIEWER) as uow, pytest.raises(Conflict, match="已经答复"):
        transfers.refuse(uow, transfer, reason="又点了一次")
    movers.sync()
    seen = movers.transfer(JIYUAN, transfer)
    assert (seen.state, seen.custody) == (Step.REFUSED, Custody.OLD)
    assert seen.steps[Step.REFUSED]["reason"] == "已领取待遇，由我县继续发放"
    assert transfer in movers.listed(JIYUAN, Side.DONE)
    assert movers.known(ZHONGMU, number).standing is Standing.DRAWING


def test_what_arrives_twice_is_taken_in_once(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    transfer = movers.move(number, old=ZHONGMU, new=JIYUAN)
    proof = next(iter(movers.sites[PROVINCE].replica.trace("transfer.released", transfer)))
    again = Arrived(proof.record, ZHONGMU, "1", f"to/{JIYUAN}", 99)
    apply = KINDS[Step.RELEASED].apply
    assert apply is not None
    with movers.work(JIYUAN) as uow:
        apply(uow, [again, again])
    assert movers.held(JIYUAN, number) == {Source.INDIVIDUAL: WHOLE}
    assert movers.years(JIYUAN, number) == YEARS


def test_a_death_of_the_machine_leaves_everything_or_nothing(
    movers: Movers, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    transfer = movers.ask(number, old=ZHONGMU, new=JIYUAN)
    movers.sync()
    with movers.work(ZHONGMU, Role.ACCEPTOR) as uow:
        form = {"name": "赵样本", "citizen_number": number, "village": VILLAGES[ZHONGMU]}
        case_id = cases.submit(uow, "transfer_out", {**form, "is_checked": True}).id
    with movers.work(ZHONGMU, Role.REVIEWER) as uow:
        cases.review_many(uow, [case_id])

    with monkeypatch.context() as broken:
        broken.setattr(release, "take", _die)
        with pytest.raises(Killed), movers.work(ZHONGMU, Role.APPROVER) as uow:
            cases.approve_many(uow, [case_id], opinion="同意")
    assert movers.held(ZHONGMU, number) == {Source.INDIVIDUAL: WHOLE}
    assert movers.known(ZHONGMU, number).standing is Standing.ACTIVE
    assert movers.transfer(ZHONGMU, transfer).custody is Custody.OLD

    with movers.work(ZHONGMU, Role.APPROVER) as uow:
        (outcome,) = cases.approve_many(uow, [case_id], opinion="同意")
    assert outcome.refusal is None
    with monkeypatch.context() as broken:
        broken.setattr(intake, "carry_in", _die)
        with pytest.raises(Killed):
            movers.sync()
    with movers.work(JIYUAN) as uow:
        assert set(steps_of(uow, transfer)) == {Step.ASKED}
    movers.sync()
    assert movers.held(JIYUAN, number) == {Source.INDIVIDUAL: WHOLE}
    assert movers.years(JIYUAN, number) == YEARS


def _die(*_given: Any, **_named: Any) -> None:
    raise Killed


def test_a_closed_month_makes_it_wait_and_nothing_is_lost(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    transfer = movers.ask(number, old=ZHONGMU, new=XINZHENG)
    movers.sync()
    movers.let_go(number, old=ZHONGMU)
    with movers.work(XINZHENG) as uow:
        lock = PeriodLock(
            county_code=XINZHENG, year=2026, month=7, turn=1, locked_at=uow.now,
            locked_by="钱财务", locked_by_name="钱财务",
        )  # fmt: skip
        uow.session.add(lock)
    movers.sync()
    (waiting,) = movers.sites[XINZHENG].replica.held_records()
    assert "已经结账" in waiting.reason
    assert movers.transfer(ZHONGMU, transfer).custody is Custody.IN_FLIGHT
    with movers.work(XINZHENG) as uow:
        lock = uow.get(PeriodLock, XINZHENG, 2026, 7, 1)
        lock.reopened_at, lock.reason = uow.now, "补记转入"
        uow.session.add(lock)
    movers.sites[XINZHENG].replica.tend()
    movers.sync()
    assert movers.held(XINZHENG, number) == {Source.INDIVIDUAL: WHOLE}
    movers.pay(transfer, old=ZHONGMU, new=XINZHENG)


def test_somebody_comes_back_to_the_account_of_old(movers: Movers) -> None:
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    movers.move(number, old=ZHONGMU, new=JIYUAN)
    movers.move(number, old=JIYUAN, new=ZHONGMU)
    assert movers.held(ZHONGMU, number) == {Source.INDIVIDUAL: WHOLE}
    assert movers.held(JIYUAN, number) == {}
    assert movers.years(ZHONGMU, number) == YEARS
    movers.move(number, old=ZHONGMU, new=XINZHENG)
    assert movers.held(XINZHENG, number) == {Source.INDIVIDUAL: WHOLE}
    assert movers.years(XINZHENG, number) == YEARS


def test_one_custody_and_every_fen_at_every_instant(movers: Movers) -> None:
    """Lines come and go in any order; the counties act when they know enough to."""
    random = Random(7)  # noqa: S311  # a schedule
    number = movers.enrol(ZHONGMU, BORN, years=YEARS)
    transfer = movers.ask(number, old=ZHONGMU, new=JIYUAN)
    for _ in range(200):
        _one_line(random, movers)
        old = _steps(movers, ZHONGMU, transfer)
        if Step.ASKED in old and Step.RELEASED not in old:
            movers.let_go(number, old=ZHONGMU)
        if Step.RECEIVED in old and Step.PAID not in old:
            with movers.work(ZHONGMU, Role.ACCOUNTANT) as uow:
                transfers.pay(uow, transfer, reference="付1")
        _in_one_place(movers, number, transfer)
        if Step.PAID in _steps(movers, JIYUAN, transfer):
            return
    pytest.fail("the person never arrived")


def _in_one_place(movers: Movers, number: str, transfer: str) -> None:
    released = Step.RELEASED in _steps(movers, ZHONGMU, transfer)
    received = Step.RECEIVED in _steps(movers, JIYUAN, transfer)
    here = movers.held(ZHONGMU, number).get(Source.INDIVIDUAL, 0)
    there = movers.held(JIYUAN, number).get(Source.INDIVIDUAL, 0) if received else 0
    in_flight = WHOLE if released and not received else 0
    assert here + in_flight + there == WHOLE
    assert movers.known(ZHONGMU, number).is_enrolled is not released


def _steps(movers: Movers, county: str, transfer: str) -> set[Step]:
    with movers.work(county) as uow:
        return set(steps_of(uow, transfer))


def _one_line(random: Random, movers: Movers) -> None:
    child = random.choice(list(PARENTS))
    site, parent = movers.sites[child], movers.sites[PARENTS[child]]
    site.replica.seal()
    rise(site, parent)  # type: ignore[arg-type]
    if random.random() < 0.5:  # a coin
        fall(parent, site)  # type: ignore[arg-type]
