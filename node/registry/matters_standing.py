"""注销登记, 暂停缴费, 恢复缴费: participation ends, contributions pause and go on.

Sources: 人社部发〔2014〕23号 §11 (注销登记), 社会保险经办条例 §10 and §25.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

from pydantic import Field

from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry.change_rules import (
    closing_problems,
    past_day_problems,
    payee_problems,
    standing_problems,
)
from node.registry.codes import CloseReason, Evidence, PauseReason, Standing
from node.registry.effects import Effect
from node.registry.events import CLOSING_CHECKS, Closing, held_by
from node.registry.known import Known
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.rules import card_notices, card_problems, normal_name
from node.registry.typed import Notice, plain
from tiers import Level

HOW = "注销"
BALANCE = "个人账户余额"
CHANGE = "变更"
_CANCELLED_FOR = tuple(each for each in CloseReason if each is not CloseReason.TRANSFERRED)


class CancellationForm(PersonForm):
    """注销登记表."""

    reason: Annotated[CloseReason | None, Shown("select", width="20", group=HOW)] = Field(
        None, title="注销原因"
    )
    happened_on: Annotated[date | None, Shown("date", width="14", group=HOW)] = Field(
        None, title="发生日期", description="死亡、定居或参加其他保险的日期"
    )
    explanation: Annotated[str, Shown(width="30", group=HOW, optional=True)] = Field(
        "", title="情况说明", max_length=200
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=HOW)] = Field(
        None, title="证明材料"
    )
    payee: Annotated[str, Shown(width="10", group=BALANCE, optional=True)] = Field(
        "", title="领款人", description="本人死亡的填继承人；不填为本人", max_length=50
    )
    payee_card: Annotated[str, Shown(width="20", group=BALANCE, mask="tail", optional=True)] = (
        Field("", title="领款人银行卡号", description="本人领款且不填的，付到登记的银行卡")
    )


class Cancellation(PersonMatter[CancellationForm]):
    """注销登记. Approval closes the enrolment, and the account is settled and paid out."""

    code = "cancellation"
    title = "注销登记"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = CancellationForm

    def needs_evidence(self, form: CancellationForm) -> bool:  # noqa: ARG002  # whatever ends it
        """Participation ends on a photo or a scan of the paper that says why (死亡证明, say)."""
        return True

    def fits(self, person: Known) -> bool:
        """Who contributes, or pauses."""
        return person.standing in (Standing.ACTIVE, Standing.INTERRUPTED)

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, reasons, evidence."""
        return {
            **super().options(uow),
            "reason": _choices(_CANCELLED_FOR),
            "evidence": _choices(Evidence),
        }

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[CancellationForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """Reason, day and evidence are there, and nothing of higher capabilities is in the way."""
        ids = [person.person_id for person in people if person is not None]
        barred: dict[str, str] = {}
        for check in CLOSING_CHECKS:
            barred |= check(uow, ids)
        held = held_by(uow, ids)
        return [
            [
                *_cancellation_problems(form, person, today=uow.today),
                *(_payee_problems(form, person) if person and held.get(person.person_id) else ()),
                *(
                    [Invalid(barred[person.person_id], field="citizen_number")]
                    if person and person.person_id in barred
                    else ()
                ),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def notices(self, uow: UnitOfWork, form: CancellationForm) -> Iterator[Notice]:  # noqa: ARG002
        """A card that fails Luhn."""
        yield from card_notices(form.payee_card, field="payee_card")

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """The enrolment is closed for the reason; a death is kept with the person."""
        return [_closed(each, on=uow.today) for each in decided]


def _cancellation_problems(
    form: CancellationForm, person: Known | None, *, today: date
) -> list[Invalid]:
    found: list[Invalid] = []
    if form.reason is None:
        found.append(Invalid("请选择注销原因", field="reason"))
    else:
        found += closing_problems(
            form.reason, explanation=form.explanation, has_evidence=form.evidence is not None
        )
    found += past_day_problems(
        form.happened_on,
        today=today,
        title="发生日期",
        not_before=person.born_on if person else None,
        field="happened_on",
    )
    found += card_problems(form.payee_card, field="payee_card")
    if person is not None and person.is_enrolled:
        found += _drawing_problems(person)
    return found


def _payee_problems(form: CancellationForm, person: Known) -> list[Invalid]:
    return list(
        payee_problems(
            form.reason,
            payee=normal_name(form.payee),
            card=plain(form.payee_card),
            owner=person.name,
            owner_card=person.bank_account,
        )
    )


def _drawing_problems(person: Known) -> list[Invalid]:
    if person.standing in (Standing.DRAWING, Standing.SUSPENDED):
        message = "此人已领取待遇，请办理死亡申报或待遇终止，由县级一并注销"
        return [Invalid(message, field="citizen_number")]
    return list(standing_problems(person.standing, Standing.CLOSED, doing="注销登记"))


def _closed(decided: Decided, *, on: date) -> Effect:
    form, person = decided.form, decided.person
    died = form.reason is CloseReason.DEATH
    return Effect(
        person=person,
        what=Cancellation.code,
        on=form.happened_on,
        told={"standing": (person.standing.title, Standing.CLOSED.title)},
        of_person={"died_on": form.happened_on} if died else {},
        of_enrolment={
            "state": Standing.CLOSED.value,
            "closed_on": on,
            "close_reason": form.reason.value,
        },
        reason=form.explanation.strip() or form.reason.title,
        case_id=decided.case.id,
        closing=Closing(
            form.reason,
            normal_name(form.payee) or person.name,
            plain(form.payee_card) or ("" if died else person.bank_account),
        ),
    )


class PauseForm(PersonForm):
    """暂停缴费申请表."""

    reason: Annotated[PauseReason | None, Shown("select", width="20", group=CHANGE)] = Field(
        None, title="暂停原因"
    )
    since: Annotated[date | None, Shown("date", width="14", group=CHANGE)] = Field(
        None, title="自何日起"
    )
    explanation: Annotated[str, Shown(width="30", group=CHANGE, optional=True)] = Field(
        "", title="情况说明", max_length=200
    )


class ContributionPause(PersonMatter[PauseForm]):
    """暂停缴费: from active to interrupted. Merely not paying needs no form."""

    code = "contribution_pause"
    area = Area.CONTRIBUTION
    title = "暂停缴费"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = PauseForm

    def fits(self, person: Known) -> bool:
        """Who contributes."""
        return person.standing is Standing.ACTIVE

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and reasons."""
        return {**super().options(uow), "reason": _choices(PauseReason)}

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[PauseForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A reason, a day, and somebody who contributes."""
        return [
            [
                *([] if form.reason else [Invalid("请选择暂停原因", field="reason")]),
                *_since_problems(form.since, person, today=uow.today),
                *_standing(person, Standing.INTERRUPTED, doing=self.title),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:  # noqa: ARG002
        """Interrupted from the day said."""
        return [
            _turned(each, Standing.INTERRUPTED, what=self.code, reason=each.form.reason.title)
            for each in decided
        ]


class ResumptionForm(PersonForm):
    """恢复缴费申请表."""

    since: Annotated[date | None, Shown("date", width="14", group=CHANGE)] = Field(
        None, title="自何日起"
    )
    explanation: Annotated[str, Shown(width="30", group=CHANGE, optional=True)] = Field(
        "", title="情况说明", max_length=200
    )


class ContributionResumption(PersonMatter[ResumptionForm]):
    """恢复缴费 (续保): from interrupted back to active."""

    code = "contribution_resumption"
    area = Area.CONTRIBUTION
    title = "恢复缴费"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = ResumptionForm

    def fits(self, person: Known) -> bool:
        """Whose contributions pause."""
        return person.standing is Standing.INTERRUPTED

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[ResumptionForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """A day, and somebody whose contributions pause."""
        return [
            [
                *_since_problems(form.since, person, today=uow.today),
                *_resumed(person),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:  # noqa: ARG002
        """Active from the day said."""
        return [_turned(each, Standing.ACTIVE, what=self.code, reason="") for each in decided]


def _since_problems(since: date | None, person: Known | None, *, today: date) -> list[Invalid]:
    opened = person.opened_on if person else None
    return list(
        past_day_problems(since, today=today, title="日期", not_before=opened, field="since")
    )


def _standing(person: Known | None, after: Standing, *, doing: str) -> list[Invalid]:
    if person is None or not person.is_enrolled:
        return []
    return list(standing_problems(person.standing, after, doing=doing))


def _resumed(person: Known | None) -> list[Invalid]:
    """From interrupted only: a pension that was suspended is resumed by its own matter."""
    if person is not None and person.is_enrolled and person.standing is not Standing.INTERRUPTED:
        message = f"此人现为“{person.standing.title}”，不需要恢复缴费"
        return [Invalid(message, field="citizen_number")]
    return []


def _turned(decided: Decided, after: Standing, *, what: str, reason: str) -> Effect:
    person = decided.person
    return Effect(
        person=person,
        what=what,
        on=decided.form.since,
        told={"standing": (person.standing.title, after.title)},
        of_enrolment={"state": after.value},
        reason=decided.form.explanation.strip() or reason,
        case_id=decided.case.id,
    )


def _choices(codes: Iterable[CloseReason | PauseReason | Evidence]) -> list[Option]:
    return [("", "请选择"), *((each.value, each.title) for each in codes)]
