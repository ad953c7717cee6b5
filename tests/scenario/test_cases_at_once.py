"""Two people at one moment: whoever is second is refused, whatever the database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import select

from node.cases import service as cases
from node.cases.models import Case, CaseStep
from node.cases.rules import Action
from node.core.errors import Conflict, Refusal
from node.core.work import Actor, UnitOfWork
from node.registry.models import Enrolment
from tests.fixtures.offices import COUNTY, Office, enrolment_form, open_office, person
from tiers import Role

ACCEPTOR = person("钱受理", COUNTY, Role.ACCEPTOR)
REVIEWER = person("李复核", COUNTY, Role.REVIEWER)
APPROVERS = [person(f"审批{number}", COUNTY, Role.APPROVER) for number in range(4)]


@pytest.fixture
def office(migrated_url: str) -> Iterator[Office]:
    opened = open_office(migrated_url, COUNTY)
    yield opened
    opened.engine.dispose()


def together(
    office: Office, actors: list[Actor], act: Callable[[UnitOfWork], object]
) -> list[Refusal | None]:
    """Everybody acts in a transaction of their own, all beginning at one moment."""
    start = Barrier(len(actors))

    def one(actor: Actor) -> Refusal | None:
        start.wait()
        try:
            with office.work(actor) as uow:
                act(uow)
        except Refusal as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(actors)) as pool:
        return list(pool.map(one, actors))


def test_four_approvals_of_one_case_enrol_one_person(office: Office) -> None:
    with office.work(ACCEPTOR) as uow:
        case_id = cases.submit(uow, "enrolment", enrolment_form()).id
    with office.work(REVIEWER) as uow:
        cases.pass_on(uow, case_id, Action.REVIEW)

    answers = together(office, APPROVERS, lambda uow: cases.pass_on(uow, case_id, Action.APPROVE))

    refused = [answer for answer in answers if answer is not None]
    assert [type(answer) for answer in refused] == [Conflict] * 3
    assert {answer.message for answer in refused} == {"这件业务已办结，不能再审批"}
    with office.work() as uow:
        assert len(uow.session.exec(select(Enrolment)).all()) == 1
        steps = uow.session.exec(select(CaseStep.action).order_by(CaseStep.turn)).all()
        assert steps == ["submit", "review", "approve"]


def test_a_double_click_enters_one_case(office: Office) -> None:
    answers = together(
        office, [ACCEPTOR] * 4, lambda uow: cases.submit(uow, "enrolment", enrolment_form())
    )
    assert [type(answer) for answer in answers if answer is not None] == [Conflict] * 3
    with office.work() as uow:
        assert len(uow.session.exec(select(Case)).all()) == 1


def test_cases_entered_together_have_consecutive_numbers(office: Office) -> None:
    serials = iter(range(1, 9))
    forms = {actor.id: enrolment_form(next(serials)) for actor in APPROVERS}
    acceptors = [person(f"受理{actor.name}", COUNTY, Role.ACCEPTOR) for actor in APPROVERS]
    by_actor = dict(zip((one.id for one in acceptors), forms.values(), strict=True))

    answers = together(
        office,
        acceptors,
        lambda uow: cases.submit(uow, "enrolment", by_actor[uow.actor.id]),
    )

    assert answers == [None] * 4
    with office.work() as uow:
        numbers = uow.session.exec(select(Case.number)).all()
    assert sorted(number.split("-")[2] for number in numbers) == ["0001", "0002", "0003", "0004"]
