"""死亡申报: the matter by which a pension ends with a life.

It stands here and not in benefits because what was overpaid is known to payroll.
Sources: 人社部发〔2014〕23号 (死亡次月停发、注销登记), 国发〔2014〕8号 §8 (余额继承, 丧葬补助).
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
from node.payroll.death import Death, end_by_death
from node.registry.change_rules import past_day_problems
from node.registry.codes import CloseReason, Evidence, Standing
from node.registry.effects import Effect, take_effect
from node.registry.known import Known, find_known
from node.registry.person_matter import PersonForm
from node.registry.rules import card_notices, card_problems
from node.registry.typed import Notice, plain
from tiers import Level

WHAT, HEIR = "死亡", "继承人"


class DeathReportForm(PersonForm):
    """死亡待遇申报表."""

    died_on: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="死亡日期", description="以死亡证明上的日期为准；当月仍发放，次月起停发"
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="证明材料"
    )
    heir_name: Annotated[str, Shown(width="10", group=HEIR)] = Field(
        "", title="领款人", description="指定受益人或法定继承人", max_length=50
    )
    heir_relation: Annotated[str, Shown(width="10", group=HEIR)] = Field(
        "", title="与死者关系", max_length=20
    )
    heir_card: Annotated[str, Shown(width="20", group=HEIR, mask="tail")] = Field(
        "", title="领款人银行卡号"
    )


class DeathReport(PensionMatter):
    """死亡申报. Approval ends the pension, settles the account and says what the heirs get."""

    code = "death_report"
    title = "死亡申报"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = DeathReportForm
    states = (BenefitState.IN_FORCE, BenefitState.SUSPENDED)

    def needs_evidence(self, form: Any) -> bool:  # noqa: ARG002  # the matter's signature
        """A death is reported on a photo or a scan of the certificate."""
        return True

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and evidence."""
        return {**super().options(uow), "evidence": choices(Evidence)}

    def notices(self, uow: UnitOfWork, form: Any) -> Any:  # noqa: ARG002  # the matter's signature
        """A card that fails Luhn."""
        found: list[Notice] = list(card_notices(form.heir_card, field="heir_card"))
        yield from found

    def own_problems(
        self, uow: UnitOfWork, form: DeathReportForm, person: Known | None
    ) -> list[Invalid]:
        """A day that has been, evidence, somebody to pay."""
        found = list(
            past_day_problems(
                form.died_on,
                today=uow.today,
                title="死亡日期",
                not_before=person.born_on if person else None,
                field="died_on",
            )
        )
        if form.evidence is None:
            found.append(Invalid("死亡申报须有证明材料，请选择", field="evidence"))
        if not form.heir_name.strip():
            found.append(Invalid("请填写领款人", field="heir_name"))
        if not form.heir_card.strip():
            found.append(Invalid("请填写领款人银行卡号", field="heir_card"))
        return [*found, *card_problems(form.heir_card, field="heir_card")]

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """End each, and close the registration with it."""
        known = find_known(uow, [form.citizen_number for _, form, _ in ready])
        people = {person.person_id: person for person in known.values()}
        for case, form, pension in ready:
            death = Death(
                pension["id"],
                form.died_on,
                heir_name=form.heir_name.strip(),
                heir_account=plain(form.heir_card),
                heir_relation=form.heir_relation.strip(),
                case_id=case.id,
            )
            end_by_death(uow, death)
        take_effect(
            uow,
            [
                _closed(people[pension["person_id"]], case, form.died_on, on=uow.today)
                for case, form, pension in ready
            ],
        )


def _closed(person: Known, case: Case, died_on: date, *, on: date) -> Effect:
    return Effect(
        person=person,
        what=DeathReport.code,
        on=died_on,
        told={"standing": (person.standing.title, Standing.CLOSED.title)},
        of_person={"died_on": died_on},
        of_enrolment={
            "state": Standing.CLOSED.value,
            "closed_on": on,
            "close_reason": CloseReason.DEATH.value,
        },
        reason=CloseReason.DEATH.title,
        case_id=case.id,
    )
