"""Random journeys through the whole registration business, over real stores of three offices.

Whatever people enter, pass, return, reject, withdraw and try without having the right, in whatever
order it reaches the others: one open enrolment per person, every case in a lawful state, no step by
anybody who may not take it, and a complete history.

`WUJI_JOURNEYS=500` plays 500 runs instead of the few of the everyday suite.
"""

import json
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import select

from node.attachments.service import prepare
from node.cases import service as cases
from node.cases.matter import matter_of, register
from node.cases.models import Case, CaseStep
from node.cases.papers import attach
from node.cases.rules import (
    STAGE_OF,
    Action,
    Move,
    State,
    duty_of,
    is_lawful,
    same_person,
    standing,
)
from node.cases.rules import Path as CasePath
from node.core.errors import Refusal
from node.core.work import Actor, UnitOfWork
from node.registry.capability import CAPABILITY
from node.registry.codes import STANDING_OF, Standing
from node.registry.models import Enrolment, Person, PersonChange
from node.registry.service import NewEnrolment, enrol_many
from tests.fixtures.offices import (
    COUNTY,
    HOSTED,
    KINDS,
    TOWNSHIP,
    VILLAGE,
    Office,
    citizen_number,
    enrolment_form,
    open_county,
    person,
)
from tests.fixtures.schema import sqlite_copy, sqlite_template
from tests.unit.test_attachments_imaging import picture
from tiers import Duty, Level, RegionCode, Role

RUNS = int(os.environ.get("WUJI_JOURNEYS", "10"))
STEPS = 25
PEOPLE = (1, 2, 3)
KINDS.update({kind.name: kind for kind in CAPABILITY.record_types})
for each in CAPABILITY.matters():
    register(each)

PAPER = prepare(picture())
DAY = "2026-03-16"
FORMS: dict[str, list[dict[str, Any]]] = {
    "enrolment": [{}],
    "detail_change": [{"new_phone": "15400000002"}, {"new_phone": "15400000003"}, {}],
    "key_change": [
        {"new_village": HOSTED, "reason": "迁移", "evidence": "household_book"},
        {"new_bank_card": "6219990000000000028", "reason": "换卡", "evidence": "other"},
        {"new_name": "赵改名", "reason": "公安更正"},
    ],
    "contribution_pause": [{"reason": "military", "since": DAY}],
    "contribution_resumption": [{"since": DAY}],
    "category_grant": [
        {
            "category": "minimum_living",
            "evidence": "civil_affairs",
            "evidence_number": "1",
            "valid_from": DAY,
        }
    ],
    "category_end": [{"category": "minimum_living", "ended_on": DAY, "reason": "收入提高"}],
    "grade_choice": [{"year": 2026, "grade_fen": 50_000}, {"year": 2030, "grade_fen": 50_000}],
    "cancellation": [{"reason": "emigrated", "happened_on": DAY, "evidence": "police"}],
    "complaint": [{"content": "票据没有发给本人", "is_anonymous": False}],
}
ENTERING = frozenset(role for role in Role if Duty.ENTER in role.duties)
CHANGING = frozenset(FORMS) - {"enrolment", "complaint"}


@cache
def template() -> Path:
    """One migrated store for all runs."""
    return sqlite_template(Path(tempfile.mkdtemp(prefix="journeys-")))


def move(step: CaseStep) -> Move:
    """A step as the rules weigh it."""
    return Move(
        id=step.id,
        action=Action(step.action),
        state=State(step.state),
        version=step.version,
        turn=step.turn,
        level=Level(step.level),
        at=step.at.isoformat(),
    )


class Journeys(RuleBasedStateMachine):
    """Three offices, nine people at their desks, three villagers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journey-"))
        url = sqlite_copy(template(), self.folder / "county.sqlite")
        self.net = open_county(template(), self.folder, url)
        self.staff: list[tuple[Office, Actor]] = [
            (self.net.village, self.net.coordinator),
            (self.net.township, self.net.clerk),
            (self.net.township, self.net.hosted_coordinator),
            (self.net.township, person("宋二审", TOWNSHIP, Role.CLERK)),
            (self.net.county, self.net.acceptor),
            (self.net.county, self.net.reviewer),
            (self.net.county, self.net.approver),
            (self.net.county, self.net.both),
            (self.net.county, person("何审批", COUNTY, Role.APPROVER)),
        ]

    def teardown(self) -> None:
        try:
            self.when_everything_has_arrived_all_agree_and_nothing_is_missing()
        finally:
            self.net.close()
            shutil.rmtree(self.folder)

    @initialize()
    def two_are_enrolled(self) -> None:
        wanted = [
            NewEnrolment(
                name="赵样本",
                citizen_number=citizen_number(serial),
                village=RegionCode(VILLAGE),
                ethnicity="汉族",
                address="荣庄村一组",
                phone="15400000001",
                category="ordinary",
                grade_fen=20_000,
                bank_account="6219990000000000010",
            )
            for serial in PEOPLE[:2]
        ]
        with self.net.county.work(self.net.approver) as uow:
            enrol_many(uow, wanted)
        self.net.carry()

    @rule(data=st.data(), serial=st.sampled_from(PEOPLE), matter=st.sampled_from(sorted(FORMS)))
    def somebody_enters(self, data: st.DataObject, serial: int, matter: str) -> None:
        more = data.draw(st.sampled_from(FORMS[matter]))
        entering = [pair for pair in self.staff if ENTERING & pair[1].roles]
        office, actor = data.draw(st.sampled_from(entering))
        who = {"name": "赵样本", "citizen_number": citizen_number(serial), "village": VILLAGE}
        form = enrolment_form(serial) if matter == "enrolment" else {**who, **more}
        self.tried(office, actor, lambda uow: self.entered(uow, matter, form))

    def entered(self, uow: UnitOfWork, matter: str, form: dict[str, Any]) -> Case:
        """With a photo, which some matters ask for and others let pass."""
        draft = cases.save_draft(uow, matter, form)
        attach(uow, draft, [PAPER], kind="certificate")
        return cases.submit(uow, matter, form, draft_id=draft.id)

    @rule()
    def everything_arrives(self) -> None:
        self.net.carry()

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), steps=st.integers(1, 3))
    def a_case_goes_on(self, data: st.DataObject, steps: int) -> None:
        """The steps it waits for, by whoever may take them, so that journeys come to an end."""
        case = data.draw(st.sampled_from(self.waiting()))
        for _step in range(steps):
            self.net.carry()
            for office, actor in self.staff:
                if self.tried(office, actor, lambda u: cases.pass_many(u, [case.id])):
                    break

    @precondition(lambda self: self.all_cases())
    @rule(data=st.data(), what=st.sampled_from(Action))
    def anybody_tries_anything(self, data: st.DataObject, what: Action) -> None:
        case = data.draw(st.sampled_from(self.all_cases()))
        office, actor = data.draw(st.sampled_from(self.staff))
        if what is Action.RETURN:
            self.tried(
                office, actor, lambda u: cases.return_for_correction(u, case.id, reason="改")
            )
        elif what is Action.REJECT:
            self.tried(office, actor, lambda u: cases.reject(u, case.id, reason="不符"))
        elif what is Action.WITHDRAW:
            self.tried(office, actor, lambda u: cases.withdraw(u, case.id, reason="撤"))
        elif what is Action.SUBMIT:
            form = json.loads(case.form)
            self.tried(office, actor, lambda u: cases.resubmit(u, case.id, form))
        else:
            self.tried(office, actor, lambda u: cases.pass_on(u, case.id, what))

    def tried(self, office: Office, actor: Actor, act: Any) -> bool:
        """Whether it was done; a refusal changes nothing, and nothing else may come of it."""
        try:
            with office.work(actor) as uow:
                done = act(uow)
        except Refusal:
            return False
        return not isinstance(done, list) or all(each.refusal is None for each in done)

    def waiting(self) -> list[Case]:
        """Cases that lie at a desk."""
        return [case for case in self.all_cases() if State(case.state) in STAGE_OF]

    def all_cases(self) -> list[Case]:
        """Every case, as the office that has seen most of it knows it."""
        newest: dict[str, Case] = {}
        for office in self.net.offices:
            with office.work(writing=False) as uow:
                for case in uow.session.exec(select(Case)).all():
                    if case.id not in newest or newest[case.id].turn < case.turn:
                        newest[case.id] = case
        return sorted(newest.values(), key=lambda case: case.number)

    @invariant()
    def one_open_enrolment_and_a_lawful_standing(self) -> None:
        for office in self.net.offices:
            with office.work(writing=False) as uow:
                people = {p.id: p for p in uow.session.exec(select(Person)).all()}
                enrolments = uow.session.exec(select(Enrolment)).all()
            still_open = Counter(e.person_id for e in enrolments if e.closed_on is None)
            assert all(number == 1 for number in still_open.values())
            assert len({p.citizen_number for p in people.values()}) == len(people)
            for enrolment in enrolments:
                here = Standing(enrolment.state)
                assert STANDING_OF[here.participation, here.contribution] is here
                assert (here is Standing.CLOSED) == (enrolment.closed_on is not None)
                assert enrolment.village == people[enrolment.person_id].village

    @invariant()
    def every_case_stands_where_its_steps_say_and_nobody_overstepped(self) -> None:
        actors = {actor.id: (office, actor) for office, actor in self.staff}
        for office in self.net.offices:
            with office.work(writing=False) as uow:
                known = uow.session.exec(select(Case)).all()
                taken: dict[str, list[CaseStep]] = defaultdict(list)
                for step in uow.session.exec(select(CaseStep)).all():
                    taken[step.case_id].append(step)
            for case in known:
                steps = taken[case.id]
                assert case.state == standing([move(step) for step in steps]).state
                path = CasePath(matter_of(case.matter).path, RegionCode(case.origin).level)
                states = {stage.state for stage in path.stages}
                assert (
                    State(case.state) in states | {State.RETURNED} or not State(case.state).is_open
                )
                done: list[tuple[str, Any]] = []
                for step in sorted(steps, key=lambda each: (each.turn, each.at)):
                    action, state = Action(step.action), State(step.state)
                    level = Level(step.level)
                    assert is_lawful(action, state, level)
                    if step.actor_id == "system":
                        assert action is Action.RETURN  # a change that was overtaken
                        continue
                    duty = duty_of(action, state, level)
                    where, actor = actors[step.actor_id]
                    duties = {d for role in actor.roles for d in Role(role).duties}
                    assert duty in duties
                    assert where.region.level is level or actor.scope in where.hosted
                    assert same_person(duty, step.actor_id, done) is None
                    done.append((step.actor_id, duty))

    def when_everything_has_arrived_all_agree_and_nothing_is_missing(self) -> None:
        self.net.carry()
        seen: dict[str, dict[str, Any]] = {}
        for office in self.net.offices:
            with office.work(writing=False) as uow:
                for step in uow.session.exec(select(CaseStep)).all():
                    told = step.model_dump(exclude={"arrived_at"})
                    assert seen.setdefault(step.id, told) == told
        with self.net.county.work(writing=False) as uow:
            at_county = {step.id for step in uow.session.exec(select(CaseStep)).all()}
            decided = uow.session.exec(select(Case).where(Case.state == "approved")).all()
            changes = Counter(c.case_id for c in uow.session.exec(select(PersonChange)).all())
            opened = Counter(e.case_id for e in uow.session.exec(select(Enrolment)).all())
        assert set(seen) == at_county
        for case in decided:
            assert changes[case.id] == (1 if case.matter in CHANGING else 0)
            assert opened[case.id] == (1 if case.matter == "enrolment" else 0)
        assert sum(changes.values()) == sum(case.matter in CHANGING for case in decided)


TestJourneys = Journeys.TestCase
TestJourneys.pytestmark = [pytest.mark.timeout(300 + 20 * RUNS)]
TestJourneys.settings = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
