"""Years made up (补缴): a case from the village to the county, orders, the bank, and the books."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import select

from node.accounts.models import Posting
from node.cases import service as cases
from node.cases.matter import matter_of, register
from node.cases.rules import Action
from node.contributions.capability import CAPABILITY
from node.contributions.models import ContributionOrder, Subsidy
from node.contributions.service import make_orders, pay_subsidies
from node.core.errors import Problems, Refusal
from node.core.ids import new_id
from node.policy.models import Bulletin
from node.registry import history, service
from node.registry.codes import Standing
from node.registry.known import find_known
from node.registry.models import Person
from node.registry.records import RECORD_TYPES, enrolments
from node.registry.service import NewEnrolment
from tests.fixtures.collecting import answered, presented, said
from tests.fixtures.county import County as CountyDesk
from tests.fixtures.county import closing, confirm_years, payment
from tests.fixtures.offices import (
    COUNTY,
    KINDS,
    VILLAGE,
    County,
    Office,
    citizen_number,
    open_county,
    person,
)
from tiers import RegionCode, Role

KINDS.update({kind.name: kind for kind in RECORD_TYPES})
for matter in CAPABILITY.matters():
    register(matter)

ACCOUNTANT = person("钱财务", COUNTY, Role.ACCOUNTANT)
SUBSIDY = {"fen": 6_000, "province_fen": 3_000, "city_fen": 1_000, "county_fen": 2_000}
POLICY = {"first_year": 2012, "least_fen": 20_000, "most_years": 5}
WHO = {"name": "赵样本", "citizen_number": citizen_number(1), "village": VILLAGE}


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_url: str) -> Iterator[County]:
    """A county whose bulletins allow years to be made up, and somebody enrolled in it."""
    opened = open_county(migrated_sqlite, tmp_path, migrated_url)
    for office in opened.offices:
        publish(office, "make_up_years", POLICY)
        publish(office, "contribution_grades", {"grades_fen": [20_000, 50_000]})
    wanted = NewEnrolment(
        name="赵样本",
        citizen_number=citizen_number(1),
        village=RegionCode(VILLAGE),
        ethnicity="汉族",
        address="中牟县韩寺镇荣庄村一组",
        phone="15400000001",
        category="ordinary",
        grade_fen=20_000,
        bank_account="6219990000000000010",
    )
    with opened.county.work(opened.approver) as uow:
        service.enrol_many(uow, [wanted])
    opened.carry()
    with closing(*opened.offices):
        yield opened


def publish(office: Office, kind: str, body: Mapping[str, Any]) -> None:
    with office.work() as uow:
        uow.session.add(
            Bulletin(
                id=new_id(),
                number="豫人社示例〔2026〕7号",
                kind=kind,
                title="补缴办法（示例）",
                region="410000000000",
                effective_from=date(2020, 1, 1),
                body=dict(body),
                status="published",
                drafted_by="province",
                drafted_at=uow.now,
                published_at=uow.now,
            )
        )


def submitted(net: County, **form: Any) -> str:
    with net.village.work(net.coordinator) as uow:
        case = cases.submit(uow, "make_up", {**WHO, **form})
    net.carry()
    return case.id


def pass_on(net: County, case_id: str) -> None:
    desks = (
        (net.township, net.clerk, Action.FIRST_REVIEW),
        (net.county, net.reviewer, Action.REVIEW),
        (net.county, net.approver, Action.APPROVE),
    )
    for office, actor, action in desks:
        with office.work(actor) as uow:
            cases.pass_on(uow, case_id, action, opinion="同意")
        net.carry()


def refused(net: County, **form: Any) -> dict[str | None, str]:
    with net.village.work(net.coordinator) as uow, pytest.raises(Refusal) as caught:
        cases.submit(uow, "make_up", {**WHO, **form})
    wrong = caught.value
    found = wrong.problems if isinstance(wrong, Problems) else [wrong]
    return {each.field: each.message for each in found}


def orders(office: Office) -> list[tuple[int, int, bool]]:
    with office.work() as uow:
        rows = uow.session.exec(select(ContributionOrder).order_by(ContributionOrder.for_year))
        return [(row.for_year, row.own_fen, row.make_up) for row in rows]


def test_years_are_chosen_decided_collected_and_booked_for_themselves(net: County) -> None:
    desk = CountyDesk(net.county, accountant=ACCOUNTANT)
    with desk.work(ACCOUNTANT) as uow:
        paid = confirm_years(uow, [payment(1, for_year=2021, paid_on=date(2026, 3, 2))])
        assert [each.reason for each in paid] == [""]
    net.carry()
    with net.village.work(net.coordinator) as uow:
        one = uow.session.exec(select(Person)).one()
        begun = matter_of("make_up").beginning(uow, one.id)
        assert begun is not None
        # twelve years are open, five may be made up at once; 2021 is paid
        assert begun["years"] == "2020、2022-2025"
        matter = matter_of("make_up")
        form = matter.form(**{**begun, "years": "2022-2024", "grade_fen": 50_000})
        assert ("应缴合计", "3 年 × 500 元 ＝ 1,500.00 元") in matter.derived(form)
    pass_on(net, submitted(net, years="2022-2024", grade_fen=50_000))
    made = [(2021, 20_000, True), (2022, 50_000, True), (2023, 50_000, True), (2024, 50_000, True)]
    assert orders(net.county) == orders(net.village) == made
    with net.village.work() as uow:
        one = uow.session.exec(select(Person)).one()
        (change,) = history.changes_of(uow, one)
        assert [line.after for line in change.lines] == ["2022-2024", "500"]
    with desk.work(ACCOUNTANT) as uow:  # a year's run leaves them as they are
        uow.connection.execute(update(enrolments).values(opened_on=date(2020, 2, 1)))
        assert make_orders(uow, 2025).written == 1
        assert make_orders(uow, 2023).written == 0
    assert orders(net.county) == [*made, (2025, 20_000, False)]
    answered(desk, said(desk, presented(desk, 2026)))
    publish(net.county, "contribution_subsidy", {"grades": [{"grade_fen": 50_000, **SUBSIDY}]})
    with desk.work(ACCOUNTANT) as uow:
        booked = [
            (row.kind, row.for_year, row.year, row.fen)
            for row in uow.session.exec(select(Posting).order_by(Posting.for_year))
            if row.for_year != 2021
        ]
        assert booked == [("make_up", year, 2026, 50_000) for year in (2022, 2023, 2024)]
        assert pay_subsidies(uow, 2024).people == 0
        assert uow.session.exec(select(Subsidy)).all() == []
    net.carry()
    assert refused(net, years="2023", grade_fen=20_000) == {"years": "2023 年度已经缴费"}


def test_what_may_not_be_made_up_is_said_beside_its_field(net: County) -> None:
    assert refused(net, years="") == {
        "years": "请填写要补缴的年度",
        "grade_fen": "请选择缴费档次",
    }
    assert "不是年度" in refused(net, years="去年", grade_fen=20_000)["years"]
    assert refused(net, years="2011、2026", grade_fen=20_000) == {
        "years": "2011、2026 年度不能补缴，只能补缴 2012 年至上年"
    }
    assert refused(net, years="2013-2018", grade_fen=20_000) == {"years": "一次最多补缴 5 年"}
    assert "不在现行档次内" in refused(net, years="2013", grade_fen=62_300)["grade_fen"]
    with net.village.work() as uow:
        number = citizen_number(1)
        assert find_known(uow, [number])[number].standing is Standing.ACTIVE


def test_a_year_at_the_bank_is_not_ordered_a_second_time(net: County) -> None:
    pass_on(net, submitted(net, years="2023", grade_fen=20_000))
    desk = CountyDesk(net.county, accountant=ACCOUNTANT)
    presented(desk, 2026)
    case_id = submitted(net, years="2023", grade_fen=50_000)
    with net.township.work(net.clerk) as uow:
        cases.pass_on(uow, case_id, Action.FIRST_REVIEW)
    net.carry()
    with net.county.work(net.reviewer) as uow, pytest.raises(Refusal, match="已报银行扣款"):
        cases.pass_on(uow, case_id, Action.REVIEW)


def test_without_a_bulletin_nothing_is_made_up(
    migrated_sqlite: Path, tmp_path: Path, migrated_sqlite_url: str
) -> None:
    opened = open_county(migrated_sqlite, tmp_path, migrated_sqlite_url)
    with closing(*opened.offices):
        found = refused(opened, years="2023", grade_fen=20_000)
        assert "没有找到这个人" in found["citizen_number"]
        assert "没有收到适用的补缴办法文件" in found["years"]
