"""Every matter of registration from the village to the county and back: what it does to a person.

One county on both databases; its people are enrolled by the registry's own verb.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from node.attachments.service import prepare
from node.cases import service as cases
from node.cases.matter import register
from node.cases.papers import attach
from node.cases.rules import Action, State
from node.core.errors import Conflict, Invalid, Problems, Refusal
from node.core.work import UnitOfWork
from node.policy.calendar_bodies import HolidayCalendar
from node.registry import events, history, service
from node.registry.capability import CAPABILITY
from node.registry.events import Changed
from node.registry.known import find_known
from node.registry.models import GradeChoice, Person, PersonChange
from node.registry.service import NewEnrolment
from tests.fixtures.offices import (
    HOSTED,
    KINDS,
    VILLAGE,
    County,
    Office,
    citizen_number,
    grades_bulletin,
    open_county,
)
from tests.unit.test_attachments_imaging import picture
from tiers import RegionCode

KINDS.update({kind.name: kind for kind in CAPABILITY.record_types})
for matter in CAPABILITY.matters():
    register(matter)

Form = Mapping[str, Any]


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[County]:
    """A county on SQLite, or on each database where the test asks for `migrated_url`."""
    name = "migrated_url" if "migrated_url" in request.fixturenames else "migrated_sqlite_url"
    opened = open_county(migrated_sqlite, tmp_path, request.getfixturevalue(name))
    enrol(opened)
    yield opened
    opened.close()


both = pytest.mark.usefixtures("migrated_url")


@pytest.fixture
def heard() -> Iterator[list[Changed]]:
    told: list[Changed] = []

    def hear(_uow: UnitOfWork, changed: object) -> None:
        told.extend(changed)  # type: ignore[arg-type]

    events.PERSON_CHANGED.append(hear)
    yield told
    events.PERSON_CHANGED.remove(hear)


def enrol(net: County, serial: int = 1, **over: Any) -> str:
    wanted = NewEnrolment(
        **{
            "name": "赵样本",
            "citizen_number": citizen_number(serial),
            "village": RegionCode(VILLAGE),
            "ethnicity": "汉族",
            "address": "中牟县韩寺镇荣庄村一组",
            "phone": "15400000001",
            "category": "ordinary",
            "grade_fen": 20_000,
            "bank_account": "6219990000000000010",
            **over,
        }
    )
    with net.county.work(net.approver) as uow:
        (person_id,) = service.enrol_many(uow, [wanted])
    net.carry()
    return str(person_id)


def about(serial: int = 1, **over: Any) -> dict[str, Any]:
    return {
        "name": "赵样本",
        "citizen_number": citizen_number(serial),
        "village": VILLAGE,
        **over,
    }


def submit(net: County, matter: str, form: Form, *, photo: bool = False) -> str:
    with net.village.work(net.coordinator) as uow:
        draft = cases.save_draft(uow, matter, form)
        if photo:
            attach(uow, draft, [prepare(picture())], kind="identity")
        case = cases.submit(uow, matter, form, draft_id=draft.id)
    net.carry()
    return case.id


def climb(net: County, case_id: str) -> None:
    """Through every desk below the approval."""
    with net.township.work(net.clerk) as uow:
        state = State(cases.case_of(uow, case_id).state)
        if state is State.FIRST_REVIEW:
            cases.pass_on(uow, case_id, Action.FIRST_REVIEW)
    net.carry()
    with net.county.work(net.reviewer) as uow:
        cases.pass_on(uow, case_id, Action.REVIEW)
    net.carry()


def decide(net: County, matter: str, form: Form, *, photo: bool = False) -> str:
    """Entered at the village, approved at the county, back at the village."""
    case_id = submit(net, matter, form, photo=photo)
    climb(net, case_id)
    with net.county.work(net.approver) as uow:
        cases.pass_on(uow, case_id, Action.APPROVE, opinion="同意")
    net.carry()
    return case_id


def known(office: Office, serial: int = 1) -> Any:
    with office.work() as uow:
        return find_known(uow, [citizen_number(serial)]).get(citizen_number(serial))


def refused(net: County, matter: str, form: Form) -> dict[str | None, str]:
    with net.village.work(net.coordinator) as uow, pytest.raises(Refusal) as caught:
        cases.submit(uow, matter, form)
    refusal = caught.value
    found = refusal.problems if isinstance(refusal, Problems) else [refusal]
    return {each.field: each.message for each in found}


def test_an_address_goes_straight_to_the_county_and_is_kept_with_its_past(net: County) -> None:
    decide(net, "detail_change", about(new_address="荣庄村三组9号", new_phone="15400000002"))
    for office in net.offices:
        person = known(office)
        assert (person.address, person.phone) == ("荣庄村三组9号", "15400000002")
        with office.work() as uow:
            found = uow.session.exec(select(Person)).one()
            (change,) = history.changes_of(uow, found)
            assert {(line.field, line.after) for line in change.lines} == {
                ("address", "荣庄村三组9号"),
                ("phone", "*******0002"),
            }


def test_a_new_number_changes_birth_and_sex_and_the_old_cases_stay_in_sight(net: County) -> None:
    first = decide(net, "detail_change", about(new_phone="15400000002"))
    new_number = citizen_number(2, born="19740315")
    form = about(new_citizen_number=new_number, reason="公安机关更正", evidence="police")
    with pytest.raises(Invalid, match="照片或扫描件"):
        submit(net, "key_change", form)
    decide(net, "key_change", form, photo=True)
    for office in net.offices:
        with office.work() as uow:
            person = service.by_number(uow, new_number)
            assert person is not None
            assert (person.born_on, person.sex) == (date(1974, 3, 15), "女")
            numbers = history.numbers_had(uow, person)
            assert numbers == [new_number, citizen_number(1)]
            seen = {c.id for n in numbers for c in cases.cases_of_person(uow, n)}
            if office is not net.county:
                assert first in seen
            assert service.by_number(uow, citizen_number(1)) is None


def test_a_key_change_needs_evidence_a_reason_and_a_free_number(net: County) -> None:
    enrol(net, 3, name="钱样本")
    found = refused(
        net, "key_change", about(new_citizen_number=citizen_number(3), new_name="赵某1")
    )
    assert found["evidence"] == "变更关键信息须有证明材料，请选择"
    assert found["reason"] == "请填写变更原因"
    assert "另一人名下" in found["new_citizen_number"]
    assert "汉字" in found["new_name"]
    assert refused(net, "detail_change", about()) == {None: "请至少填写一项要变更的内容"}


@both
def test_who_moves_leaves_the_old_roster_and_stands_on_the_new(
    net: County, heard: list[Changed]
) -> None:
    decide(
        net, "key_change", about(new_village=HOSTED, reason="迁移户籍", evidence="household_book")
    )
    with net.village.work(net.coordinator) as uow:
        assert service.roster(uow, VILLAGE).total == 0
    with net.township.work(net.hosted_coordinator) as uow:
        (listed,) = service.roster(uow, HOSTED).items
        assert listed.enrolment is not None
        assert listed.enrolment.village == HOSTED
    (changed,) = heard
    assert (changed.left, changed.village, changed.closes) == (VILLAGE, HOSTED, False)


@both
def test_two_coordinators_offline_change_one_person_one_is_decided_one_goes_back(
    net: County,
) -> None:
    with net.village.work(net.coordinator) as uow:
        first = cases.submit(uow, "detail_change", about(new_phone="15400000002")).id
    with net.township.work(net.clerk) as uow:  # its line to the village is down
        second = cases.submit(uow, "detail_change", about(new_phone="15400000003")).id
    net.carry()
    for case_id in (first, second):
        with net.county.work(net.reviewer) as uow:
            cases.pass_on(uow, case_id, Action.REVIEW)
    with net.county.work(net.approver) as uow:
        cases.pass_on(uow, first, Action.APPROVE)
    net.carry()

    assert known(net.village).phone == "15400000002"
    with net.county.work(net.reviewer) as uow:
        assert cases.case_of(uow, first).state == State.APPROVED
    with net.township.work(net.clerk) as uow:
        back = cases.case_of(uow, second)
        assert back.state == State.RETURNED
        assert "已由另一件业务变更" in back.remark
        assert "new_phone" in back.remarks
        cases.resubmit(uow, second, about(new_phone="15400000003"), note="本人确认")
    net.carry()
    with net.county.work(net.reviewer) as uow:
        cases.pass_on(uow, second, Action.REVIEW)
    with net.county.work(net.approver) as uow:
        cases.pass_on(uow, second, Action.APPROVE)
    net.carry()
    assert known(net.village).phone == "15400000003"


def test_two_changes_of_one_person_in_one_go_are_decided_one_by_one(net: County) -> None:
    ids = []
    for office, actor in ((net.village, net.coordinator), (net.township, net.clerk)):
        with office.work(actor) as uow:
            form = about(new_address=f"{actor.name}写的地址")
            ids.append(cases.submit(uow, "detail_change", form).id)
    net.carry()
    with net.county.work(net.reviewer) as uow:
        assert not any(each.refusal for each in cases.review_many(uow, ids))
    with net.county.work(net.approver) as uow:
        outcomes = cases.approve_many(uow, ids)
    assert [type(each.refusal) for each in outcomes] == [type(None), Conflict]
    with net.county.work(net.approver) as uow:
        assert cases.case_of(uow, ids[1]).state == State.RETURNED


def test_a_pause_and_a_resumption_change_the_standing(net: County, heard: list[Changed]) -> None:
    decide(net, "contribution_pause", about(reason="military", since="2026-03-16"))
    assert known(net.village).standing == "interrupted"
    again = refused(net, "contribution_pause", about(reason="military", since="2026-03-16"))
    assert "暂停缴费" in again["citizen_number"]
    assert "不能申报" in str(
        refused(net, "grade_choice", about(year=2026, grade_fen=50_000))["citizen_number"]
    )
    decide(net, "contribution_resumption", about(since="2026-03-16"))
    assert known(net.village).standing == "active"
    assert [(each.before, each.after) for each in heard] == [
        ("active", "interrupted"),
        ("interrupted", "active"),
    ]


@both
def test_a_cancellation_closes_the_enrolment_and_says_so_to_those_who_settle(
    net: County, heard: list[Changed]
) -> None:
    assert set(refused(net, "cancellation", about())) == {"reason", "happened_on"}
    decide(
        net,
        "cancellation",
        about(reason="death", happened_on="2026-03-10", evidence="death", payee="赵家人"),
        photo=True,
    )
    (changed,) = heard
    assert changed.closes
    assert changed.on == date(2026, 3, 10)
    for office in net.offices:
        with office.work() as uow:
            person = uow.session.exec(select(Person)).one()
            assert person.died_on == date(2026, 3, 10)
            (enrolment,) = service.enrolments_of(uow, person)
            assert (enrolment.state, enrolment.close_reason) == ("closed", "death")
    gone = refused(net, "contribution_pause", about(reason="other", since="2026-03-16"))
    assert gone == {"citizen_number": "此人没有有效的参保登记"}


def test_higher_capabilities_may_stand_against_closing_and_choosing(net: County) -> None:
    person = known(net.village).person_id
    closing = lambda _uow, ids: dict.fromkeys(ids, "账户还有未入账的缴费")  # noqa: E731
    paid = lambda _uow, ids, _year: dict.fromkeys(ids, "当年已缴费")  # noqa: E731
    events.CLOSING_CHECKS.append(closing)
    events.GRADE_CHECKS.append(paid)
    try:
        assert person
        form = about(reason="emigrated", happened_on="2026-03-10", evidence="other")
        assert refused(net, "cancellation", form) == {"citizen_number": "账户还有未入账的缴费"}
        choice = about(year=2026, grade_fen=50_000)
        assert refused(net, "grade_choice", choice) == {"year": "当年已缴费"}
    finally:
        events.CLOSING_CHECKS.remove(closing)
        events.GRADE_CHECKS.remove(paid)


@both
def test_a_group_is_granted_counts_and_ends(net: County) -> None:
    grant = about(
        category="minimum_living",
        evidence="civil_affairs",
        evidence_number="2026-017",
        valid_from="2026-01-01",
    )
    decide(net, "category_grant", grant)
    assert known(net.village).category == "minimum_living"
    assert "已认定为低保" in str(refused(net, "category_grant", grant))
    decide(
        net,
        "category_end",
        about(category="minimum_living", ended_on="2026-03-15", reason="收入提高"),
    )
    for office in net.offices:
        assert known(office).category == "ordinary"
        with office.work() as uow:
            person = uow.session.exec(select(Person)).one()
            (group,) = history.groups_of_person(uow, person)
            assert (group.title, group.valid_to) == ("低保", date(2026, 3, 15))
            assert group.evidence == "民政部门名单或证件 2026-017"
    assert refused(
        net,
        "category_end",
        about(category="minimum_living", ended_on="2026-03-16", reason="再次"),
    )["category"].startswith("此人在 2026-03-16 不属于低保")


def test_deadlines_pass_over_holidays_and_count_weekends_that_are_worked(net: County) -> None:
    spring = {"name": "春节", "first": "2026-03-17", "last": "2026-03-20"}
    calendar = {"year": 2026, "off": [spring], "worked": ["2026-03-21"]}
    with net.village.work() as uow:
        bulletin = grades_bulletin((), uow.now)
        bulletin.kind, bulletin.body = HolidayCalendar.kind, calendar
        uow.session.add(bulletin)
    case_id = submit(net, "detail_change", about(new_phone="15400000002"))
    with net.village.work(net.coordinator) as uow:
        # a Monday; four days off, Saturday is worked: the third working day is Tuesday
        assert cases.case_of(uow, case_id).due_on == date(2026, 3, 24)


@both
def test_a_grade_is_chosen_for_the_year_and_may_be_chosen_again(net: County) -> None:
    decide(net, "grade_choice", about(year=2026, grade_fen=50_000))
    decide(net, "grade_choice", about(year=2027, grade_fen=100_000))
    decide(net, "grade_choice", about(year=2026, grade_fen=100_000))
    assert known(net.village).grade_fen == 100_000
    for office in net.offices:
        with office.work() as uow:
            rows = uow.session.exec(select(GradeChoice).order_by(GradeChoice.year)).all()  # type: ignore[arg-type]
            assert [(row.year, row.grade_fen) for row in rows] == [
                (2026, 100_000),
                (2027, 100_000),
            ]
    found = refused(net, "grade_choice", about(year=2026, grade_fen=12_300))
    assert "不在现行档次内" in found["grade_fen"]


def test_somebody_may_complain_without_a_name_as_often_as_they_like(net: County) -> None:
    complaint = {"content": "去年的缴费票据没有发给村民", "village": VILLAGE, "is_anonymous": True}
    answered = decide(net, "complaint", complaint)
    submit(net, "complaint", complaint)
    submit(net, "complaint", complaint)
    with net.village.work(net.coordinator) as uow:
        case = cases.case_of(uow, answered)
        assert case.subject_name == "匿名"
        assert cases.timeline(uow, case)[-1].opinion == "同意"
    assert set(refused(net, "complaint", {"village": VILLAGE, "content": "短"})) == {
        "content",
        "name",
    }


def test_one_open_case_of_a_matter_and_who_is_unknown_is_told_to_enrol(net: County) -> None:
    submit(net, "detail_change", about(new_phone="15400000002"))
    with net.village.work(net.coordinator) as uow, pytest.raises(Conflict, match="在办"):
        cases.submit(uow, "detail_change", about(new_phone="15400000003"))
    found = refused(net, "detail_change", about(9, new_phone="15400000002"))
    assert found["citizen_number"] == "没有找到这个人，请先办理参保登记"
    wrong = refused(net, "contribution_pause", about(name="钱样本", village=VILLAGE))
    assert wrong["name"] == "姓名与参保登记不符，请核对是否为同一人"


def test_a_special_group_stated_at_enrolment_is_dated_from_it(net: County) -> None:
    enrol(net, 5, name="孙样本", category="extreme_poverty")
    with net.village.work(net.coordinator) as uow:
        person = service.by_number(uow, citizen_number(5))
        assert person is not None
        (group,) = history.groups_of_person(uow, person)
        assert (group.title, group.evidence) == ("特困", "参保登记时认定")


def test_every_change_is_kept_and_none_is_kept_twice(net: County) -> None:
    decide(net, "detail_change", about(new_phone="15400000002"))
    net.carry(keep=True)
    net.carry(keep=True)
    for office in net.offices:
        with office.work() as uow:
            assert len(uow.session.exec(select(PersonChange)).all()) == 1
