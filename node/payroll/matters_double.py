"""待遇终止（另领养老金）: somebody found to draw two pensions keeps one; this county's ends.

Suspicion comes first and only suspends (待遇暂停, 疑似重复领取). Then the person chooses: who keeps
this pension is resumed, who keeps the other ends this one here. Beside the employees' scheme there
is no choice: that pension stays. Sources: 人社部发〔2014〕17号 §7, §8; 社会保险经办条例 §26, §46.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from node.benefits.codes import BenefitState
from node.benefits.matters_life import PensionMatter, Row, choices
from node.cases.forms import Option, Shown
from node.cases.models import Case
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.payroll.double import OtherPension, end_for_other
from node.registry.change_rules import past_day_problems
from node.registry.codes import CloseReason, Evidence, Standing
from node.registry.effects import Effect, take_effect
from node.registry.known import Known, find_known
from node.registry.person_matter import PersonForm
from node.registry.rules import card_notices, card_problems
from node.registry.typed import Notice, plain
from tiers import Level

OTHER, MONEY = "另一份养老金", "退款"
REASONS = (CloseReason.EMPLOYEES_SCHEME, CloseReason.DUPLICATE)
TITLES = {
    CloseReason.EMPLOYEES_SCHEME: "领取职工基本养老金",
    CloseReason.DUPLICATE: "在其他县领取城乡居民养老金，本人选择在那里领取",
}


class PensionEndForm(PersonForm):
    """重复领取待遇终止审批表."""

    reason: Annotated[CloseReason | None, Shown("select", width="24", group=OTHER)] = Field(
        None, title="保留的养老金"
    )
    since: Annotated[date | None, Shown("date", width="14", group=OTHER)] = Field(
        None,
        title="开始领取日期",
        description="另一份养老金从这一天所在的月份起发放；本县的待遇发到上月为止",
    )
    payer: Annotated[str, Shown(width="24", group=OTHER)] = Field(
        "", title="发放机构", description="另一份养老金由哪个经办机构发放", max_length=60
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=OTHER)] = Field(
        None, title="证明材料"
    )
    card: Annotated[str, Shown(width="20", group=MONEY, mask="tail")] = Field(
        "", title="本人银行卡号", description="个人账户余额抵扣重复领取的待遇后退到这张卡"
    )


class PensionEnd(PensionMatter):
    """待遇终止. Approval ends the pension, settles the account, sets off what was drawn twice."""

    code = "pension_end"
    title = "待遇终止（另领养老金）"
    path = (Level.TOWNSHIP, Level.COUNTY)
    form = PensionEndForm
    states = (BenefitState.IN_FORCE, BenefitState.SUSPENDED)

    def needs_evidence(self, form: Any) -> bool:  # noqa: ARG002  # the matter's signature
        """On the other agency's paper."""
        return True

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, which pension is kept, evidence."""
        reasons = [("", "请选择"), *((each.value, TITLES[each]) for each in REASONS)]
        return {**super().options(uow), "reason": reasons, "evidence": choices(Evidence)}

    def notices(self, uow: UnitOfWork, form: Any) -> Any:  # noqa: ARG002  # the matter's signature
        """A card that fails Luhn."""
        found: list[Notice] = list(card_notices(form.card, field="card"))
        yield from found

    def own_problems(
        self, uow: UnitOfWork, form: PensionEndForm, person: Known | None
    ) -> list[Invalid]:
        """Which other pension, since a day that has been, paid by whom, on what paper."""
        found = list(
            past_day_problems(
                form.since,
                today=uow.today,
                title="开始领取日期",
                not_before=person.born_on if person else None,
                field="since",
            )
        )
        if form.reason not in REASONS:
            found.append(Invalid("请选择保留的养老金", field="reason"))
        if not form.payer.strip():
            found.append(Invalid("请填写另一份养老金的发放机构", field="payer"))
        if form.evidence is None:
            found.append(Invalid("终止待遇须经核实，请选择证明材料", field="evidence"))
        if not form.card.strip():
            found.append(Invalid("请填写本人银行卡号", field="card"))
        return [*found, *card_problems(form.card, field="card")]

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """End each, and close the registration with it."""
        known = find_known(uow, [form.citizen_number for _, form, _ in ready])
        people = {person.person_id: person for person in known.values()}
        for case, form, pension in ready:
            other = OtherPension(
                pension["id"],
                form.reason,
                form.since,
                payee=people[pension["person_id"]].name,
                card=plain(form.card),
                case_id=case.id,
            )
            end_for_other(uow, other)
        take_effect(
            uow,
            [
                _closed(people[pension["person_id"]], case, form, on=uow.today)
                for case, form, pension in ready
            ],
        )


def _closed(person: Known, case: Case, form: PensionEndForm, *, on: date) -> Effect:
    reason = form.reason or CloseReason.OTHER
    return Effect(
        person=person,
        what=PensionEnd.code,
        on=on,
        told={"standing": (person.standing.title, Standing.CLOSED.title)},
        of_enrolment={
            "state": Standing.CLOSED.value,
            "closed_on": on,
            "close_reason": reason.value,
        },
        reason=f"{reason.title}，{form.payer.strip()}",
        case_id=case.id,
    )
