"""What arrives of cases: in any order, twice, too early, or from who could not have done it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

import sync
from node.cases import service as cases
from node.cases.models import Case, CaseStep
from node.cases.rules import Action
from sync.record import Arrived
from tests.fixtures.offices import (
    HOSTED,
    TOWNSHIP,
    VILLAGE,
    County,
    Office,
    deliver,
    enrolment_form,
    open_county,
    written,
)


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_url: str) -> Iterator[County]:
    opened = open_county(migrated_sqlite, tmp_path, migrated_url)
    yield opened
    opened.close()


def submitted(net: County) -> Arrived:
    with net.village.work(net.coordinator) as uow:
        cases.submit(uow, "enrolment", enrolment_form())
    (arrived,) = written(net.village)
    return arrived


def first_reviewed(net: County, case: Arrived) -> Arrived:
    deliver(net.township, case)
    with net.township.work(net.clerk) as uow:
        cases.pass_on(uow, case.record.key, Action.FIRST_REVIEW)
    return next(item for item in written(net.township) if item.route == "up/county")


def forged(arrived: Arrived, *, origin: str = "", region: str = "", **body: object) -> Arrived:
    record = arrived.record
    changed = record._replace(body={**record.body, **body}, region=region or record.region)
    return arrived._replace(record=changed, origin=origin or arrived.origin)


def shown(office: Office) -> list[object]:
    with office.work() as uow:
        found = [
            (case.id, case.state, case.version, case.turn, case.remark)
            for case in uow.session.exec(select(Case).order_by(Case.id))
        ]
        steps = uow.session.exec(select(CaseStep.id).order_by(CaseStep.id)).all()
        return [found, list(steps)]


def test_everything_delivered_again_changes_nothing(net: County) -> None:
    case = submitted(net)
    first_reviewed(net, case)
    net.carry(keep=True)
    before = [shown(office) for office in net.offices]
    net.carry(keep=True)
    assert [shown(office) for office in net.offices] == before


def test_a_step_that_arrives_before_its_case_waits_for_it(net: County) -> None:
    case = submitted(net)
    step = first_reviewed(net, case)
    with pytest.raises(sync.Waiting) as waiting:
        deliver(net.county, step)
    assert waiting.value.records == (step,)
    deliver(net.county, case)
    deliver(net.county, step)
    with net.county.work() as uow:
        assert cases.case_of(uow, case.record.key).state == "review"


def test_an_older_form_never_replaces_a_newer_one(net: County) -> None:
    old = submitted(net)
    newer = forged(
        old,
        name="赵新名",
        step={**old.record.body["step"], "id": "s2", "version": 2, "turn": 3},
    )
    for order in ([old, newer], [newer, old], [newer, old, newer]):
        deliver(net.county, *order)
        with net.county.work() as uow:
            case = cases.case_of(uow, old.record.key)
            assert (case.version, case.subject_name) == (2, "赵新名")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"action": "approve", "state": "approved"}, "不能作出"),
        ({"action": "first_review", "state": "approved"}, "不能作出"),
        ({"action": "stamp", "state": "approved"}, "没有这种办理步骤"),
        ({"node": "410122000000"}, "不能作出"),
    ],
)
def test_a_township_cannot_say_more_than_it_may(
    net: County, step: dict[str, object], reason: str
) -> None:
    case = submitted(net)
    honest = first_reviewed(net, case)
    deliver(net.county, case)
    with pytest.raises(sync.Refused, match=reason):
        deliver(net.county, forged(honest, **step))
    with net.county.work() as uow:
        assert cases.case_of(uow, case.record.key).state == "first_review"


def test_a_village_cannot_approve_its_own_case(net: County) -> None:
    case = submitted(net)
    approving = {**case.record.body["step"], "action": "approve", "state": "approved"}
    with pytest.raises(sync.Refused):
        deliver(net.county, forged(case, step=approving))


def test_nobody_enters_a_case_in_the_name_of_another_node(net: County) -> None:
    case = submitted(net)
    with pytest.raises(sync.Refused, match="来源节点"):
        deliver(net.county, forged(case, origin=TOWNSHIP))
    with pytest.raises(sync.Refused, match="所属村"):
        deliver(net.county, forged(case, region=HOSTED))


def test_nobody_takes_over_the_id_of_a_case(net: County) -> None:
    case = submitted(net)
    deliver(net.county, case)
    body = case.record.body
    stolen = forged(
        case,
        origin=HOSTED,
        region=HOSTED,
        village=HOSTED,
        step={**body["step"], "node": HOSTED, "id": "s9", "version": 9},
    )
    stolen = forged(stolen, origin_="")
    stolen.record.body["origin"] = HOSTED
    with pytest.raises(sync.Refused, match="原业务"):
        deliver(net.county, stolen)


def test_nobody_steps_on_a_case_of_another_village(net: County) -> None:
    case = submitted(net)
    step = first_reviewed(net, case)
    deliver(net.county, case)
    with pytest.raises(sync.Refused, match="所属村"):
        deliver(net.county, forged(step, region=HOSTED))


def test_only_the_node_that_entered_a_case_withdraws_it(net: County) -> None:
    case = submitted(net)
    step = first_reviewed(net, case)
    deliver(net.county, case)
    with pytest.raises(sync.Refused, match="只有录入的节点"):
        deliver(net.county, forged(step, action="withdraw", state="withdrawn"))


def test_the_instant_of_a_step_and_of_its_arrival_are_both_kept(net: County) -> None:
    case = submitted(net)
    net.county.now += timedelta(days=3)  # the village was offline
    deliver(net.county, case)
    with net.county.work() as uow:
        (step,) = cases.timeline(uow, cases.case_of(uow, case.record.key))
        assert step.arrived_at - step.at == timedelta(days=3)
        assert step.node == VILLAGE
