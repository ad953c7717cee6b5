"""An enrolment from the village to the county and back, in business words over real stores."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from node.cases import service as cases
from node.cases.matter import matter_of
from node.cases.models import Case
from node.cases.rules import Action, State
from node.cases.service import Tab
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Problems, Unavailable
from node.core.models import AccessLog
from node.core.work import Actor, UnitOfWork
from node.registry import service as registry
from tests.fixtures.offices import (
    COUNTY,
    HOSTED,
    TOWNSHIP,
    VILLAGE,
    County,
    Office,
    citizen_number,
    enrolment_form,
    open_county,
    open_office,
    person,
)
from tests.fixtures.schema import sqlite_copy
from tiers import Role


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_url: str) -> Iterator[County]:
    opened = open_county(migrated_sqlite, tmp_path, migrated_url)
    yield opened
    opened.close()


def submit(net: County, serial: int = 1, **over: object) -> str:
    with net.village.work(net.coordinator) as uow:
        return cases.submit(uow, "enrolment", enrolment_form(serial, **over)).id


def state(office: Office, case_id: str) -> State:
    with office.work() as uow:
        return State(cases.case_of(uow, case_id).state)


def states(net: County, case_id: str) -> set[State]:
    return {state(office, case_id) for office in net.offices}


def passed(office: Office, actor: Actor, case_id: str, action: Action) -> None:
    with office.work(actor) as uow:
        cases.pass_on(uow, case_id, action)


def climb(net: County, case_id: str) -> None:
    """First review at the township, review at the county."""
    net.carry()
    passed(net.township, net.clerk, case_id, Action.FIRST_REVIEW)
    net.carry()
    passed(net.county, net.reviewer, case_id, Action.REVIEW)
    net.carry()


def test_an_enrolment_climbs_is_approved_and_comes_back(net: County) -> None:
    case_id = submit(net)
    climb(net, case_id)
    with net.county.work(net.approver) as uow:
        outcomes = cases.approve_many(uow, [case_id], opinion="同意")
    assert [outcome.refusal for outcome in outcomes] == [None]
    net.carry()

    assert states(net, case_id) == {State.APPROVED}
    for office in net.offices:
        with office.work() as uow:
            case = cases.case_of(uow, case_id)
            assert case.outcome
            enrolled = registry.person_of(uow, case.outcome)
            assert enrolled.name == "赵样本"
            assert enrolled.citizen_number == citizen_number(1)
            assert registry.by_number(uow, citizen_number(1)) == enrolled
            (enrolment,) = registry.enrolments_of(uow, enrolled)
            assert (enrolment.state, enrolment.case_id) == ("active", case_id)
    with net.village.work(net.coordinator) as uow:
        roster = registry.roster(uow, VILLAGE)
        assert [line.person.name for line in roster.items] == ["赵样本"]
        steps = cases.timeline(uow, cases.case_of(uow, case_id))
        assert [step.action for step in steps] == ["submit", "first_review", "review", "approve"]
        assert [step.actor_name for step in steps] == ["张协办", "刘初审", "李复核", "王审批"]


def test_each_office_keeps_numbers_under_its_own_keys(net: County) -> None:
    case_id = submit(net)
    net.carry()
    indexes = set()
    for office in net.offices:
        with office.work() as uow:
            indexes.add(bytes(cases.case_of(uow, case_id).subject_index))
    assert len(indexes) == 3


def test_a_return_goes_to_the_step_before_with_its_reason_and_field(net: County) -> None:
    case_id = submit(net)
    climb(net, case_id)
    with net.county.work(net.approver) as uow:
        cases.return_for_correction(uow, case_id, reason="请再核对户籍")
    with net.county.work(net.reviewer) as uow:
        cases.return_for_correction(uow, case_id, reason="地址不详")
    net.carry()
    assert states(net, case_id) == {State.FIRST_REVIEW}
    with net.township.work(net.clerk) as uow:
        assert [case.id for case in cases.inbox(uow, Tab.RETURNED).items] == [case_id]
        cases.return_for_correction(uow, case_id, remarks={"household_address": "补写门牌号"})
    net.carry()

    assert states(net, case_id) == {State.RETURNED}
    with net.village.work(net.coordinator) as uow:
        (mine,) = cases.inbox(uow, Tab.MINE).items
        assert (mine.remark, mine.remarks) == ("补写门牌号", '{"household_address": "补写门牌号"}')
        assert mine.holder == "village"


def test_a_corrected_form_is_the_next_version_everywhere(net: County) -> None:
    case_id = submit(net)
    net.carry()
    with net.township.work(net.clerk) as uow:
        cases.return_for_correction(uow, case_id, reason="补写门牌号")
    net.carry()
    address = "中牟县韩寺镇荣庄村一组12号"
    with net.village.work(net.coordinator) as uow:
        cases.resubmit(uow, case_id, enrolment_form(household_address=address), note="已补门牌号")
    net.carry()

    for office in net.offices:
        with office.work() as uow:
            case = cases.case_of(uow, case_id)
            assert (case.version, case.state, case.remark) == (2, "first_review", "")
            assert address in case.form
    climb(net, case_id)
    assert states(net, case_id) == {State.APPROVAL}


def test_a_rejection_is_final_and_the_person_may_apply_again(net: County) -> None:
    case_id = submit(net)
    climb(net, case_id)
    with net.county.work(net.approver) as uow:
        cases.reject(uow, case_id, reason="已参加企业职工养老保险")
    net.carry()
    assert states(net, case_id) == {State.REJECTED}
    with net.village.work(net.coordinator) as uow:
        assert registry.by_number(uow, citizen_number(1)) is None
        assert cases.submit(uow, "enrolment", enrolment_form()).id != case_id


def test_what_the_village_withdraws_nobody_decides(net: County) -> None:
    case_id = submit(net)
    with net.village.work(net.coordinator) as uow:
        cases.withdraw(uow, case_id, reason="本人不再参保")
    net.carry()
    assert states(net, case_id) == {State.WITHDRAWN}
    with net.township.work(net.clerk) as uow, pytest.raises(Conflict, match="已撤回"):
        cases.pass_on(uow, case_id, Action.FIRST_REVIEW)


def test_a_withdrawal_that_crosses_the_decision_comes_too_late(net: County) -> None:
    case_id = submit(net)
    climb(net, case_id)
    passed(net.county, net.approver, case_id, Action.APPROVE)
    with net.village.work(net.coordinator) as uow:
        cases.withdraw(uow, case_id, reason="本人不再参保")
    assert state(net.village, case_id) is State.WITHDRAWN
    net.carry()
    assert states(net, case_id) == {State.APPROVED}


def test_a_withdrawal_that_crosses_a_review_stands(net: County) -> None:
    case_id = submit(net)
    net.carry()
    with net.village.work(net.coordinator) as uow:
        cases.withdraw(uow, case_id, reason="本人不再参保")
    passed(net.township, net.clerk, case_id, Action.FIRST_REVIEW)
    net.carry()
    assert states(net, case_id) == {State.WITHDRAWN}


def test_whoever_reviewed_or_entered_a_case_does_not_approve_it(net: County) -> None:
    with net.county.work(net.acceptor) as uow:
        entered = cases.submit(uow, "enrolment", enrolment_form()).id
    passed(net.county, net.both, entered, Action.REVIEW)
    with net.county.work(net.both) as uow, pytest.raises(Forbidden, match="您已复核过这件业务"):
        cases.pass_on(uow, entered, Action.APPROVE)
    with net.county.work(net.both) as uow:
        own = cases.submit(uow, "enrolment", enrolment_form(2)).id
        refusal = cases.review_many(uow, [own])[0].refusal
        assert refusal is not None
        assert refusal.message == "您已录入过这件业务，须由另一人复核"
        assert own not in {case.id for case in cases.inbox(uow, Tab.MINE).items}
    with net.county.work(net.approver) as uow:
        assert [case.id for case in cases.inbox(uow, Tab.MINE).items] == [entered]


def test_of_many_the_good_ones_go_through_and_the_others_say_why(net: County) -> None:
    forms = [
        enrolment_form(1),
        enrolment_form(2, name=""),
        enrolment_form(3),
        enrolment_form(1),
        enrolment_form(4, grade_fen=12_345),
    ]
    with net.village.work(net.coordinator) as uow:
        outcomes = cases.submit_many(uow, "enrolment", forms)
    good = [outcome.case_id for outcome in outcomes if outcome.refusal is None]
    assert [outcome.refusal is None for outcome in outcomes] == [True, False, True, False, False]
    assert [o.refusal.field for o in outcomes if o.refusal] == [
        "name",
        "citizen_number",
        "grade_fen",
    ]
    numbers = [o.number.split("-")[2] for o in outcomes if o.refusal is None]
    assert numbers == ["0001", "0002"]
    net.carry()
    with net.township.work(net.clerk) as uow:
        answered = cases.first_review_many(uow, [*good, "unknown", good[0]])
    assert [type(o.refusal) for o in answered] == [type(None), type(None), NotFound]


def test_what_refuses_one_case_in_the_middle_of_its_effect_leaves_the_others_theirs(
    net: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that finds no rate, an account that is busy: what was written for it is undone."""
    ids = [submit(net, serial) for serial in (1, 2, 3)]
    for case_id in ids:
        climb(net, case_id)
    matter = type(matter_of("enrolment"))
    approve = matter.approve_many

    def unless_the_second(self: Any, uow: UnitOfWork, batch: Sequence[tuple[Case, Any]]) -> Any:
        done = approve(self, uow, batch)
        if ids[1] in {case.id for case, _ in batch}:
            raise Unavailable("省级还没有公布过记账利率，暂不能结息")
        return done

    monkeypatch.setattr(matter, "approve_many", unless_the_second)
    with net.county.work(net.approver) as uow:
        outcomes = cases.approve_many(uow, ids)
    net.carry()

    assert [outcome.refusal is None for outcome in outcomes] == [True, False, True]
    assert "没有公布" in outcomes[1].refusal.message  # type: ignore[union-attr]
    for office in net.offices:
        with office.work() as uow:
            known = [registry.by_number(uow, citizen_number(serial)) for serial in (1, 2, 3)]
            assert [one is not None for one in known] == [True, False, True]
        assert state(office, ids[1]) is State.APPROVAL


def test_a_second_open_case_of_one_person_is_refused_with_the_first_ones_number(
    net: County,
) -> None:
    case_id = submit(net)
    with net.village.work(net.coordinator) as uow:
        number = cases.case_of(uow, case_id).number
        with pytest.raises(Conflict, match=number) as refused:
            cases.submit(uow, "enrolment", enrolment_form())
    assert refused.value.field == "citizen_number"


def test_two_villages_enrol_one_person_and_the_county_does_it_once(net: County) -> None:
    first = submit(net)
    with net.township.work(net.hosted_coordinator) as uow:
        second = cases.submit(uow, "enrolment", enrolment_form(village=HOSTED)).id
    net.carry()
    with net.township.work(net.clerk) as uow:
        cases.first_review_many(uow, [first, second])
    net.carry()
    with net.county.work(net.reviewer) as uow:
        cases.review_many(uow, [first, second])
    with net.county.work(net.approver) as uow:
        outcomes = cases.approve_many(uow, [first, second])
    assert [outcome.state for outcome in outcomes] == [State.APPROVED, State.APPROVAL]
    assert outcomes[1].refusal is not None
    assert "已经参保" in outcomes[1].refusal.message
    net.carry()
    assert state(net.village, first) is State.APPROVED


def test_a_hosted_village_has_numbers_and_a_stream_of_its_own(net: County) -> None:
    with net.township.work(net.hosted_coordinator) as uow:
        case = cases.submit(uow, "enrolment", enrolment_form(village=HOSTED))
    assert case.number.startswith(f"{HOSTED}-")
    assert case.origin == HOSTED
    with net.county.work() as uow, pytest.raises(NotFound):
        cases.case_of(uow, case.id)
    net.carry()
    assert state(net.county, case.id) is State.FIRST_REVIEW
    with net.township.work(net.clerk) as uow:
        cases.return_for_correction(uow, case.id, reason="补写门牌号")
    with net.township.work(net.hosted_coordinator) as uow:
        cases.resubmit(uow, case.id, enrolment_form(village=HOSTED, name="赵样品"))
    net.carry()
    assert state(net.county, case.id) is State.FIRST_REVIEW


def test_a_coordinator_works_for_their_village_only(net: County) -> None:
    with net.village.work(net.coordinator) as uow, pytest.raises(Invalid, match="不在您负责的区域"):
        cases.submit(uow, "enrolment", enrolment_form(village=HOSTED))
    elsewhere = person("外村协办", VILLAGE, Role.COORDINATOR)
    with net.township.work(elsewhere) as uow, pytest.raises(Forbidden, match="自己的节点"):
        cases.submit(uow, "enrolment", enrolment_form())
    case_id = submit(net)
    net.carry()
    with net.township.work(net.hosted_coordinator) as uow:
        with pytest.raises(NotFound):
            cases.case_of(uow, case_id)
        with pytest.raises(NotFound):
            cases.withdraw(uow, case_id, reason="不是我的")
        assert cases.inbox(uow, Tab.RECENT).total == 0


def test_an_administrator_sees_no_business(net: County) -> None:
    case_id = submit(net)
    administrator = person("系统管理员", VILLAGE, Role.ADMINISTRATOR)
    with net.village.work(administrator) as uow:
        for look in (
            lambda: cases.case_of(uow, case_id),
            lambda: cases.inbox(uow, Tab.RECENT),
            lambda: registry.find(uow, "赵样本"),
            lambda: cases.submit(uow, "enrolment", enrolment_form(2)),
        ):
            with pytest.raises(Forbidden):
                look()


def test_what_is_entered_at_the_township_is_reviewed_there_by_another_clerk(net: County) -> None:
    with net.township.work(net.clerk) as uow:
        case = cases.submit(uow, "enrolment", enrolment_form())
        refusal = cases.first_review_many(uow, [case.id])[0].refusal
        assert refusal is not None
        assert refusal.message == "您已录入过这件业务，须由另一人初审"
    second = person("陈初审", TOWNSHIP, Role.CLERK)
    passed(net.township, second, case.id, Action.FIRST_REVIEW)
    net.carry()
    passed(net.county, net.reviewer, case.id, Action.REVIEW)
    passed(net.county, net.approver, case.id, Action.APPROVE)
    net.carry()
    assert {state(office, case.id) for office in (net.township, net.county)} == {State.APPROVED}
    with net.village.work() as uow:
        assert registry.by_number(uow, citizen_number(1)) is not None
        with pytest.raises(NotFound):  # entered at the township, it is none of the village's
            cases.case_of(uow, case.id)


def test_without_a_grades_bulletin_nobody_chooses_a_grade(
    net: County, migrated_sqlite: Path, tmp_path: Path
) -> None:
    bare = open_office(sqlite_copy(migrated_sqlite, tmp_path / "bare.sqlite"), COUNTY, grades=())
    with bare.work(net.acceptor) as uow, pytest.raises(Problems, match="还没有到本节点"):
        cases.submit(uow, "enrolment", enrolment_form())
    bare.engine.dispose()


def test_reading_numbers_in_full_needs_a_reason_and_is_recorded(net: County) -> None:
    case_id = submit(net)
    with net.village.work(net.coordinator) as uow:
        with pytest.raises(Invalid, match="原因"):
            cases.reveal(uow, case_id, reason=" ")
        cases.reveal(uow, case_id, reason="核对身份证")
    with net.village.work() as uow:
        (entry,) = uow.session.exec(select(AccessLog)).all()
        assert (entry.actor_name, entry.subject, entry.reason) == ("张协办", case_id, "核对身份证")


def test_closed_cases_are_found_by_number_and_person(net: County) -> None:
    case_id = submit(net)
    with net.village.work(net.coordinator) as uow:
        case: Case = cases.case_of(uow, case_id)
        for text in (case.number, case.number.replace("-", " "), citizen_number(1), "样本"):
            found = cases.inbox(uow, Tab.RECENT, by=cases.Filter(text=text))
            assert [one.id for one in found.items] == [case_id], text
        none = cases.inbox(uow, Tab.RECENT, by=cases.Filter(text="钱样本"))
        assert none.total == 0


def test_what_is_written_fits_the_printed_form(net: County) -> None:
    case_id = submit(net)
    net.carry()
    with net.township.work(net.clerk) as uow:
        for reason in ("", "   ", "长" * 501):
            with pytest.raises(Invalid):
                cases.return_for_correction(uow, case_id, reason=reason)
        with pytest.raises(Invalid, match="没有所选的栏目"):
            cases.return_for_correction(uow, case_id, remarks={"不存在" * 30: "有误"})
    with net.village.work(net.coordinator) as uow:
        with pytest.raises(Invalid, match="撤回原因"):
            cases.withdraw(uow, case_id, reason=" ")
        with pytest.raises(Invalid, match="草稿编号"):
            cases.save_draft(uow, "enrolment", {}, draft_id="x" * 40)
        with pytest.raises(Invalid, match="过长"):
            cases.save_draft(uow, "enrolment", {"name": "长" * 30_000})
    assert states(net, case_id) == {State.FIRST_REVIEW}
