"""待遇领取申请: the matter by which a person begins to draw a pension.

Sources: 国发〔2014〕8号 §6–§7; 人社部发〔2014〕23号 (待遇领取申请表, 待遇核定表).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, Field
from sqlmodel import col, select

from node.benefits.claimants import Claimant, find_claimants
from node.benefits.determination import (
    CLAIMED_DAYS_AHEAD,
    Claim,
    claim_problems,
    determine_many,
)
from node.benefits.rules import due_from
from node.cases.forms import Option, Shown
from node.cases.matter import Area, Matter, Subject
from node.cases.models import Case, CaseStep
from node.cases.rules import Action
from node.core.errors import Invalid, NotFound, Refusal
from node.core.i18n import sentence
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number, number_problems, read_number
from node.registry.matters import derived_of, known_values, village_options
from node.registry.rules import card_notices, card_problems, name_problems, normal_name
from node.registry.typed import Notice, plain
from tiers import Level, RegionCode

WHO, WHERE, HOW = "本人", "所在地", "领取方式"


class BenefitClaimForm(BaseModel):
    """待遇领取申请表."""

    name: Annotated[str, Shown(width="10", group=WHO)] = Field("", title="姓名")
    citizen_number: Annotated[str, Shown("citizen", width="20", group=WHO, mask="citizen")] = Field(
        "", title="公民身份号码", description="须已经参保"
    )
    village: Annotated[str, Shown("select", width="20", group=WHERE)] = Field(
        "", title="所在村（社区）"
    )
    bank_card: Annotated[str, Shown(width="20", group=HOW, mask="tail", optional=True)] = Field(
        "", title="银行卡号", description="发放养老金用；留空则用参保时登记的卡"
    )
    draws_no_other: Annotated[bool, Shown("checkbox", group=HOW)] = Field(
        False, title="本人没有领取其他国家规定的基本养老保障待遇"
    )


class BenefitClaim(Matter[BenefitClaimForm]):
    """待遇领取申请. Approval settles the account and determines the pension (待遇核定)."""

    code = "benefit_claim"
    area = Area.BENEFIT
    title = "待遇领取申请"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = BenefitClaimForm

    def subject(self, form: BenefitClaimForm) -> Subject:
        """Who claims."""
        return Subject(normal_name(form.name), normal_number(form.citizen_number))

    def village(self, form: BenefitClaimForm) -> RegionCode:
        """Where the person is enrolled."""
        try:
            return RegionCode(form.village)
        except ValueError as error:
            raise Invalid("请选择所在村（社区）", field="village") from error

    def check_many(self, uow: UnitOfWork, forms: Sequence[BenefitClaimForm]) -> list[list[Invalid]]:
        """The form is whole; the person is enrolled here, near 60 and has paid enough years."""
        known = find_claimants(uow, [form.citizen_number for form in forms])
        return [
            [
                *_form_problems(form, on=uow.today),
                *_person_problems(uow, form, known.get(form.citizen_number)),
            ]
            for form in forms
        ]

    def notices(self, uow: UnitOfWork, form: BenefitClaimForm) -> Iterator[Notice]:
        """A card that fails Luhn; years that this node does not know of yet."""
        yield from card_notices(form.bank_card)
        claimant = find_claimants(uow, [form.citizen_number]).get(form.citizen_number)
        if claimant is not None and claimant.paid_years < claimant.needed:
            yield Notice(
                sentence(
                    "本节点记录的缴费年限为 {paid} 年，需要 {needed} 年",
                    paid=claimant.paid_years,
                    needed=claimant.needed,
                ),
                "citizen_number",
            )

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """The villages the actor works for."""
        return {"village": [("", "请选择"), *village_options(uow)]}

    def derived(self, form: BenefitClaimForm) -> Sequence[tuple[str, str]]:
        """Sex, birth date, and the first month of a pension by age."""
        far = date(9999, 12, 31)  # whether it lies in the future is for the checks to say
        if any(number_problems(form.citizen_number, today=far)):
            return []
        born_on = read_number(form.citizen_number, today=far).born_on
        month = due_from(born_on)
        first = sentence("{year} 年 {month} 月", year=month.year, month=month.month)
        return [*derived_of(form.citizen_number), ("到龄领取月份", first)]

    def beginning(self, uow: UnitOfWork, person_id: str) -> Mapping[str, str]:
        """The person's name, number and village."""
        return known_values(uow, person_id)

    def outcome_href(self, case: Case) -> str:
        """The calculation sheet."""
        return f"/benefits/{case.outcome}" if case.outcome else ""

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, BenefitClaimForm]]
    ) -> Sequence[str | Refusal]:
        """Determine everybody's pension."""
        known = find_claimants(uow, [form.citizen_number for _, form in cases])
        reviewers = _reviewers(uow, [case for case, _ in cases])
        claims: list[Claim] = []
        answers: list[str | Refusal] = []
        for case, form in cases:
            claimant = known.get(form.citizen_number)
            if claimant is None:
                answers.append(NotFound("没有找到这个人，或还没有参保登记"))
                continue
            answers.append(case.id)
            claims.append(
                Claim(
                    person_id=claimant.person_id,
                    case_id=case.id,
                    bank_account=plain(form.bank_card),
                    determined_by=reviewers.get(case.id, ""),
                )
            )
        found = dict(
            zip((claim.case_id for claim in claims), determine_many(uow, claims), strict=True)
        )
        return [found[each] if isinstance(each, str) else each for each in answers]


def _form_problems(form: BenefitClaimForm, *, on: date) -> Iterator[Invalid]:
    yield from name_problems(form.name)
    yield from number_problems(form.citizen_number, today=on)
    yield from card_problems(form.bank_card)
    if not form.draws_no_other:
        yield Invalid("须确认没有领取其他基本养老保障待遇", field="draws_no_other")


def _person_problems(
    uow: UnitOfWork, form: BenefitClaimForm, claimant: Claimant | None
) -> Iterator[Invalid]:
    if claimant is None:
        if not any(number_problems(form.citizen_number, today=uow.today)):
            yield Invalid("没有找到这个人，请先办理参保登记", field="citizen_number")
        return
    if normal_name(form.name) != claimant.name:
        yield Invalid("姓名与参保登记不符", field="name")
    if form.village and form.village != claimant.village:
        yield Invalid("所在村与参保登记不符", field="village")
    soon = uow.today + timedelta(days=CLAIMED_DAYS_AHEAD)
    for problem in claim_problems(claimant, on=soon):
        # Payments reach a village after the county: years are judged where they are kept.
        if "missing" in problem.details and uow.level is not Level.COUNTY:
            continue
        yield Invalid(problem.message, field=problem.field, **problem.details)


def _reviewers(uow: UnitOfWork, cases: Sequence[Case]) -> dict[str, str]:
    """Who reviewed each case last: that person calculated the pension, the approver approves it."""
    steps = select(CaseStep.case_id, CaseStep.actor_id).where(
        CaseStep.county_code == str(uow.node),
        col(CaseStep.case_id).in_([case.id for case in cases]),
        CaseStep.action == Action.REVIEW.value,
    )
    return dict(uow.session.exec(steps.order_by(col(CaseStep.at))).all())
