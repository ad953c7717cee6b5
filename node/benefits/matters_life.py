"""生存认证, 暂停发放, 恢复发放, 更正: what happens to a pension between its beginning and its end.

Sources: 人社部发〔2014〕23号; 社会保险经办条例 §26 (核验先比对、后入户), domain.md §6.3, §6.6.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from node.benefits.codes import BenefitState, CertificationMethod, SuspensionReason
from node.benefits.life import Pause, Seen, certify, resume, revoke_suspension, suspend
from node.benefits.records import entitlements
from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.cases.models import Case
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid, NotFound, Refusal
from node.core.work import UnitOfWork
from node.registry.change_rules import past_day_problems
from node.registry.citizen_number import normal_number
from node.registry.codes import Evidence, Standing
from node.registry.effects import Effect
from node.registry.known import Known, find_known
from node.registry.person_matter import PersonForm, PersonMatter
from tiers import Level

WHAT = "办理内容"
Row = dict[str, Any]


class PensionMatter(PersonMatter[Any]):
    """A matter about somebody who draws a pension. `states` are those it can be meant for."""

    area = Area.BENEFIT

    states: tuple[BenefitState, ...] = (BenefitState.IN_FORCE,)
    needs_open = True

    def fits(self, person: Known) -> bool:
        """Who draws, or draws no more for the time being."""
        wanted = {
            BenefitState.IN_FORCE: Standing.DRAWING,
            BenefitState.SUSPENDED: Standing.SUSPENDED,
        }
        return person.standing in {wanted[state] for state in self.states if state in wanted}

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[Any], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """The person draws a pension that stands where the matter needs it."""
        pensions = pensions_of(uow, [person.person_id for person in people if person])
        return [
            [
                *self.own_problems(uow, form, person),
                *self._standing_problems(person, pensions),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def _standing_problems(
        self, person: Known | None, pensions: Mapping[str, Row]
    ) -> list[Invalid]:
        if person is None:
            return []
        pension = pensions.get(person.person_id)
        if pension is None:
            return [Invalid("此人没有核定待遇", field="citizen_number")]
        state = BenefitState(pension["state"])
        if state not in self.states:
            return [
                Invalid(
                    "此人的待遇{title}，不能办理{doing}",
                    field="citizen_number",
                    title=state.title,
                    doing=self.title,
                )
            ]
        return []

    def own_problems(self, uow: UnitOfWork, form: Any, person: Known | None) -> list[Invalid]:
        """What is wrong with the fields of this matter."""
        raise NotImplementedError

    def effects(self, uow: UnitOfWork, decided: Sequence[Any]) -> Sequence[Effect]:  # noqa: ARG002  # the person's row stays
        """The registration itself does not change."""
        return []

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, Any]]
    ) -> Sequence[str | Refusal]:
        """Let each take effect; who draws no pension any more is refused."""
        known = find_known(uow, [form.citizen_number for _, form in cases])
        pensions = pensions_of(uow, [person.person_id for person in known.values()])
        ready: list[tuple[Case, Any, Row]] = []
        answers: list[str | Refusal] = []
        for case, form in cases:
            person = known.get(normal_number(form.citizen_number))
            pension = pensions.get(person.person_id) if person else None
            if person is None or pension is None:
                answers.append(NotFound("没有找到这个人的待遇"))
            elif BenefitState(pension["state"]) not in self.states:
                answers.append(
                    Conflict("该待遇{title}", title=BenefitState(pension["state"]).title)
                )
            elif any(each[2]["id"] == pension["id"] for each in ready):
                answers.append(Conflict("同一批中有此人的另一件业务"))
            else:
                ready.append((case, form, pension))
                answers.append(pension["id"])
        self.carry_out(uow, ready)
        return answers

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Do what approval means."""
        raise NotImplementedError

    def outcome_href(self, case: Case) -> str:
        """The page of the pension."""
        return f"/benefits/{case.outcome}" if case.outcome else ""


def pensions_of(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, Row]:
    """The pensions of people of this county, by person."""
    found: dict[str, Row] = {}
    for start in range(0, len(person_ids), BATCH_ROWS // 2):
        rows = select(entitlements).where(
            entitlements.c.county_code == str(uow.node.county),
            entitlements.c.person_id.in_(person_ids[start : start + BATCH_ROWS // 2]),
        )
        found |= {row["person_id"]: dict(row) for row in uow.connection.execute(rows).mappings()}
    return found


def choices(codes: Any) -> list[Option]:
    """A code list as a select shows it."""
    return [("", "请选择"), *((code.value, code.title) for code in codes)]


class CertificationForm(PersonForm):
    """待遇领取人员资格认证表."""

    certified_on: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="认证日期", description="见到本人的日期"
    )
    method: Annotated[CertificationMethod | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="认证方式"
    )
    seen_by: Annotated[str, Shown(width="10", group=WHAT)] = Field(
        "", title="认证人", description="见到本人的协办员或工作人员", max_length=50
    )


class SurvivalCertification(PensionMatter):
    """生存认证. Approval keeps the certificate; a pension suspended for want of it is resumed."""

    code = "survival_certification"
    title = "生存认证"
    path = (Level.VILLAGE, Level.COUNTY)
    form = CertificationForm
    states = (BenefitState.IN_FORCE, BenefitState.SUSPENDED)

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and ways."""
        return {**super().options(uow), "method": choices(CertificationMethod)}

    def own_problems(
        self, uow: UnitOfWork, form: CertificationForm, person: Known | None
    ) -> list[Invalid]:
        """A day that has been, a way, somebody who saw the person."""
        found = list(
            past_day_problems(
                form.certified_on,
                today=uow.today,
                title="认证日期",
                not_before=person.born_on if person else None,
                field="certified_on",
            )
        )
        if form.method is None:
            found.append(Invalid("请选择认证方式", field="method"))
        if not form.seen_by.strip():
            found.append(Invalid("请填写认证人", field="seen_by"))
        if person is not None and person.died_on is not None:
            found.append(Invalid("此人已登记死亡", field="citizen_number"))
        return found

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Keep the certificates, all at once."""
        certify(
            uow,
            [
                Seen(pension["id"], form.certified_on, form.method, form.seen_by, case.id)
                for case, form, pension in ready
            ],
        )


class SuspensionForm(PersonForm):
    """待遇暂停审批表."""

    reason: Annotated[SuspensionReason | None, Shown("select", width="16", group=WHAT)] = Field(
        None, title="暂停原因"
    )
    from_month: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="暂停起始月", description="从这一天所在的月份起不发放"
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="证明材料"
    )
    explanation: Annotated[str, Shown(width="30", group=WHAT, optional=True)] = Field(
        "", title="情况说明", max_length=200
    )


class BenefitSuspensionMatter(PensionMatter):
    """待遇暂停. Only what was investigated is suspended (社会保险经办条例 §26)."""

    code = "benefit_suspension"
    title = "待遇暂停"
    path = (Level.TOWNSHIP, Level.COUNTY)
    form = SuspensionForm

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, reasons, evidence."""
        return {
            **super().options(uow),
            "reason": choices(SuspensionReason),
            "evidence": choices(Evidence),
        }

    def own_problems(
        self,
        uow: UnitOfWork,  # noqa: ARG002  # the matter's signature
        form: SuspensionForm,
        person: Known | None,  # noqa: ARG002
    ) -> list[Invalid]:
        """A reason, a month, evidence."""
        found = []
        if form.reason is None:
            found.append(Invalid("请选择暂停原因", field="reason"))
        if form.from_month is None:
            found.append(Invalid("请填写暂停起始月", field="from_month"))
        if form.evidence is None:
            found.append(Invalid("暂停待遇须经核实，请选择证明材料", field="evidence"))
        return found

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Suspend them."""
        suspend(
            uow,
            [
                Pause(pension["id"], form.reason, form.from_month, case.id)
                for case, form, pension in ready
            ],
        )


class ResumptionForm(PersonForm):
    """待遇恢复审批表."""

    from_month: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="恢复起始月", description="从这一天所在的月份起恢复；按规定应补的月份一并补发"
    )
    explanation: Annotated[str, Shown(width="30", group=WHAT)] = Field(
        "", title="恢复原因", max_length=200
    )


class BenefitResumption(PensionMatter):
    """待遇恢复, with the arrears the reason leaves due."""

    code = "benefit_resumption"
    title = "待遇恢复"
    path = (Level.TOWNSHIP, Level.COUNTY)
    form = ResumptionForm
    states = (BenefitState.SUSPENDED,)

    def own_problems(
        self,
        uow: UnitOfWork,  # noqa: ARG002  # the matter's signature
        form: ResumptionForm,
        person: Known | None,  # noqa: ARG002
    ) -> list[Invalid]:
        """A month and a reason."""
        found = []
        if form.from_month is None:
            found.append(Invalid("请填写恢复起始月", field="from_month"))
        if not form.explanation.strip():
            found.append(Invalid("请填写恢复原因", field="explanation"))
        return found

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Resume each."""
        for case, form, pension in ready:
            resume(uow, pension["id"], from_month=form.from_month, case_id=case.id)


class CorrectionForm(PersonForm):
    """待遇更正审批表."""

    explanation: Annotated[str, Shown(width="30", group=WHAT)] = Field(
        "", title="更正原因", description="写明暂停错在哪里", max_length=200
    )


class SuspensionCorrection(PensionMatter):
    """暂停更正: a suspension that should never have been; every month of it is due again."""

    code = "suspension_correction"
    title = "待遇暂停更正"
    path = (Level.TOWNSHIP, Level.COUNTY)
    form = CorrectionForm
    states = (BenefitState.SUSPENDED,)

    def own_problems(
        self,
        uow: UnitOfWork,  # noqa: ARG002  # the matter's signature
        form: CorrectionForm,
        person: Known | None,  # noqa: ARG002
    ) -> list[Invalid]:
        """A reason."""
        if form.explanation.strip():
            return []
        return [Invalid("请写明更正原因", field="explanation")]

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Revoke each."""
        for case, _form, pension in ready:
            revoke_suspension(uow, pension["id"], case_id=case.id)


LIFE_MATTERS = (
    SurvivalCertification,
    BenefitSuspensionMatter,
    BenefitResumption,
    SuspensionCorrection,
)
