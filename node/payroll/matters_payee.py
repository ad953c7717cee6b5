"""领款账户变更: who gets what is left of an account, or on which card, is put right before it is
paid.

A bank that turns a lump sum down (已销户, 户名不符) leaves it owed: without this matter nobody
could say where it shall go, since the registration is closed. Source: 国发〔2014〕8号 §8.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select, update

from node.benefits.life_records import ENDED, ends, publish_life
from node.benefits.matters_life import choices
from node.cases.forms import Option, Shown
from node.cases.matter import Area
from node.cases.models import Case
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid, NotFound, Refusal
from node.core.work import UnitOfWork
from node.payroll.rules import LineKind
from node.payroll.tables import paid_lines
from node.registry.citizen_number import normal_number
from node.registry.codes import Evidence
from node.registry.effects import Effect
from node.registry.known import Known, find_known
from node.registry.person_matter import PersonForm, PersonMatter
from node.registry.rules import card_notices, card_problems, normal_name
from node.registry.typed import Notice, plain
from tiers import Level

PAYEE = "领款人"
Row = dict[str, Any]


class PayeeForm(PersonForm):
    """领款账户变更表."""

    payee: Annotated[str, Shown(width="10", group=PAYEE)] = Field(
        "", title="领款人", description="本人，或指定受益人、法定继承人", max_length=50
    )
    payee_card: Annotated[str, Shown(width="20", group=PAYEE, mask="tail")] = Field(
        "", title="领款人银行卡号"
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=PAYEE)] = Field(
        None, title="证明材料"
    )
    explanation: Annotated[str, Shown(width="30", group=PAYEE)] = Field(
        "", title="变更原因", description="例如：原银行卡已销户", max_length=200
    )


class PayeeChange(PersonMatter[PayeeForm]):
    """领款账户变更. Approval names another payee or card for what has not been paid yet."""

    code = "payee_change"
    area = Area.BENEFIT
    title = "领款账户变更"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = PayeeForm
    needs_open = False

    def fits(self, person: Known) -> bool:
        """Whose participation has ended."""
        return not person.is_enrolled

    def needs_evidence(self, form: PayeeForm) -> bool:  # noqa: ARG002  # whoever is named
        """Money goes elsewhere on a photo or a scan of what entitles to it."""
        return True

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and evidence."""
        return {**super().options(uow), "evidence": choices(Evidence)}

    def notices(self, uow: UnitOfWork, form: PayeeForm) -> Any:  # noqa: ARG002  # the matter's signature
        """A card that fails Luhn."""
        found: list[Notice] = list(card_notices(form.payee_card, field="payee_card"))
        yield from found

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[PayeeForm], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """Somebody to pay, a card, a reason, and something that is still owed."""
        owed = unpaid_ends(uow, [person.person_id for person in people if person])
        return [
            [*_form_problems(form), *_owed_problems(person, owed)]
            for form, person in zip(forms, people, strict=True)
        ]

    def effects(self, uow: UnitOfWork, decided: Sequence[Any]) -> Sequence[Effect]:  # noqa: ARG002  # nobody's registration changes
        """The registration stays as it is."""
        return []

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, PayeeForm]]
    ) -> Sequence[str | Refusal]:
        """Name the payee; what has been paid meanwhile is refused."""
        known = find_known(uow, [form.citizen_number for _, form in cases])
        owed = unpaid_ends(uow, [person.person_id for person in known.values()])
        answers: list[str | Refusal] = []
        for _case, form in cases:
            person = known.get(normal_number(form.citizen_number))
            if person is None:
                answers.append(NotFound("没有找到这个人"))
            elif person.person_id not in owed:
                answers.append(Conflict("没有尚未发放的余额或丧葬补助金"))
            else:
                _name(uow, owed[person.person_id], form)
                answers.append(person.person_id)
        return answers


def _form_problems(form: PayeeForm) -> list[Invalid]:
    found = []
    if not form.payee.strip():
        found.append(Invalid("请填写领款人", field="payee"))
    if not form.payee_card.strip():
        found.append(Invalid("请填写领款人银行卡号", field="payee_card"))
    if form.evidence is None:
        found.append(Invalid("变更领款账户须有证明材料，请选择", field="evidence"))
    if not form.explanation.strip():
        found.append(Invalid("请填写变更原因", field="explanation"))
    return [*found, *card_problems(form.payee_card, field="payee_card")]


def _owed_problems(person: Known | None, owed: Mapping[str, Row]) -> list[Invalid]:
    if person is None or person.person_id in owed:
        return []
    return [Invalid("没有尚未发放的余额或丧葬补助金", field="citizen_number")]


def unpaid_ends(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, Row]:
    """The ends of accounts of which the bank has paid no lump sum yet, by person."""
    paid = select(paid_lines.c.entitlement_id).where(
        paid_lines.c.county_code == ends.c.county_code,
        paid_lines.c.entitlement_id == ends.c.entitlement_id,
        paid_lines.c.kind != LineKind.PENSION.value,
        paid_lines.c.bounced_on.is_(None),
    )
    due = ends.c.account_fen + ends.c.funeral_fen
    set_off = ends.c.set_off_account_fen + ends.c.set_off_funeral_fen
    found: dict[str, Row] = {}
    for start in range(0, len(person_ids), BATCH_ROWS // 2):
        rows = select(ends).where(
            ends.c.county_code == str(uow.node.county),
            ends.c.person_id.in_(person_ids[start : start + BATCH_ROWS // 2]),
            ends.c.is_revoked.is_(False),
            due > set_off,
            ~paid.exists(),
        )
        found |= {row["person_id"]: dict(row) for row in uow.connection.execute(rows).mappings()}
    return found


def _name(uow: UnitOfWork, end: Row, form: PayeeForm) -> None:
    told = {"heir_name": normal_name(form.payee), "heir_account": plain(form.payee_card)}
    mine = (ends.c.county_code == end["county_code"], ends.c.id == end["id"])
    uow.connection.execute(update(ends).where(*mine).values(**told))
    publish_life(uow, ENDED, [{**end, **told}])
