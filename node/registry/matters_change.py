"""变更登记: details of a registered person change, ordinary ones and key ones.

Two matters, because they go two ways: an address or a telephone goes from the village straight to
the county; a name, a citizen number (and with it birth date and sex), a bank account or a move to
another village needs evidence and also passes the township.
Sources: 人社部发〔2014〕23号 §9 (变更登记), 社会保险经办条例 §10.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from node.cases.forms import Option, Shown
from node.cases.models import Case
from node.cases.rules import State
from node.core.errors import Invalid, Refusal
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.change_rules import Detail, detail_problems, key_evidence_problems
from node.registry.citizen_number import normal_number, number_problems, read_number
from node.registry.codes import ETHNICITIES, Evidence
from node.registry.door import namesake_notices
from node.registry.effects import Effect
from node.registry.known import Known, find_known
from node.registry.likeness import Bearer
from node.registry.matters import places_of_county
from node.registry.overtaken import return_overtaken
from node.registry.person_matter import Decided, PersonForm, PersonMatter
from node.registry.rules import (
    age_on,
    age_problems,
    card_notices,
    card_problems,
    name_problems,
    normal_name,
    phone_notices,
    phone_problems,
)
from node.registry.typed import Notice, plain
from tiers import Level, RegionCode

NEW, WHY = "变更为（不变的留空）", "依据"


class ChangeForm(PersonForm):
    """The head of both forms. `before` is what the entering node knew, for whoever decides."""

    before: Annotated[dict[str, str], Shown("hidden", optional=True, mask="all")] = Field(
        default_factory=dict, title="原登记内容"
    )


class DetailChangeForm(ChangeForm):
    """变更登记表，一般信息."""

    new_address: Annotated[str, Shown(width="30", group=NEW, optional=True)] = Field(
        "", title="户籍地址", max_length=200
    )
    new_phone: Annotated[str, Shown("tel", width="14", group=NEW, mask="tail", optional=True)] = (
        Field("", title="联系电话", description="手机号，或带区号的固定电话")
    )
    new_ethnicity: Annotated[str, Shown("select", width="10", group=NEW, optional=True)] = Field(
        "", title="民族"
    )
    reason: Annotated[str, Shown(width="30", group=WHY, optional=True)] = Field(
        "", title="变更原因", max_length=100
    )


class KeyChangeForm(ChangeForm):
    """变更登记表，关键信息."""

    new_name: Annotated[str, Shown(width="10", group=NEW, optional=True)] = Field("", title="姓名")
    new_citizen_number: Annotated[
        str, Shown("citizen", width="20", group=NEW, mask="citizen", optional=True)
    ] = Field("", title="公民身份号码", description="性别和出生日期随号码变更")
    new_village: Annotated[str, Shown("select", width="20", group=NEW, optional=True)] = Field(
        "", title="迁入村（社区）", description="本县（市、区）内迁移户籍"
    )
    new_bank_card: Annotated[str, Shown(width="20", group=NEW, mask="tail", optional=True)] = Field(
        "", title="银行卡号"
    )
    reason: Annotated[str, Shown(width="30", group=WHY)] = Field(
        "", title="变更原因", description="例如：公安机关更正出生日期", max_length=100
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=WHY)] = Field(
        None, title="证明材料"
    )
    evidence_number: Annotated[str, Shown(width="20", group=WHY, optional=True)] = Field(
        "", title="证明材料编号", max_length=60
    )


F = TypeVar("F", bound=ChangeForm)


class ChangeOfDetails(PersonMatter[F]):
    """What both have in common. `details` names each detail, how it reads and how it is stored."""

    paper_title = "城乡居民基本养老保险变更登记表"
    details: ClassVar[Mapping[str, str]]
    needs_open = False

    def completed(self, uow: UnitOfWork, forms: Sequence[F]) -> Sequence[F]:
        """Remember what was registered where the form was filled in."""
        known = find_known(uow, [form.citizen_number for form in forms])
        return [
            self._with_before(form, known.get(normal_number(form.citizen_number))) for form in forms
        ]

    def before(self, uow: UnitOfWork, form: F) -> Mapping[str, object]:  # noqa: ARG002  # kept with the form
        """What was registered where the form was filled in."""
        return {f"new_{name}": said for name, said in form.before.items()}

    def _with_before(self, form: F, person: Known | None) -> F:
        wanted = [name for name in self.details if getattr(form, f"new_{name}")]
        now = {name: registered(person, name) for name in wanted} if person else {}
        return form.model_copy(update={"before": now})

    def compared(self, form: F, person: Known) -> list[Detail]:
        """Each detail as it was when the form was filled in, as it is, and as it shall be."""
        return [
            Detail(
                field=f"new_{name}",
                title=title,
                said=form.before.get(name, ""),
                now=registered(person, name),
                new=stored(name, getattr(form, f"new_{name}")),
            )
            for name, title in self.details.items()
        ]

    def problems_many(
        self, uow: UnitOfWork, forms: Sequence[F], people: Sequence[Known | None]
    ) -> list[list[Invalid]]:
        """Each new value holds, something changes, and nobody has changed it meanwhile."""
        return [
            [
                *self.value_problems(uow, form),
                *(detail_problems(self.compared(form, person)) if person else ()),
            ]
            for form, person in zip(forms, people, strict=True)
        ]

    def value_problems(self, uow: UnitOfWork, form: F) -> Iterator[Invalid]:
        """What is wrong with the new values."""
        raise NotImplementedError

    def effects(self, uow: UnitOfWork, decided: Sequence[Decided]) -> Sequence[Effect]:
        """New values of the person and the enrolment, and the history of them."""
        return [self._effect(uow, each) for each in decided]

    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, F]]
    ) -> Sequence[str | Refusal]:
        """Let all take effect; what others entered about the same details goes back."""
        answers = super().approve_many(uow, cases)
        numbers = [normal_number(form.citizen_number) for _, form in cases]
        good = [not isinstance(answer, Refusal) for answer in answers]
        decided = [case for (case, _), done in zip(cases, good, strict=True) if done]
        return_overtaken(uow, (DetailChange.code, KeyChange.code), decided, numbers)
        return answers

    def _effect(self, uow: UnitOfWork, decided: Decided) -> Effect:
        details = [each for each in self.compared(decided.form, decided.person) if each.new]
        values = {each.field.removeprefix("new_"): each.new for each in details}
        return Effect(
            person=decided.person,
            what=self.code,
            on=uow.today,
            told={each.field.removeprefix("new_"): (each.now, each.new) for each in details},
            of_person=_person_values(uow, values),
            of_enrolment=_enrolment_values(values),
            reason=decided.form.reason.strip(),
            case_id=decided.case.id,
        )


class DetailChange(ChangeOfDetails[DetailChangeForm]):
    """变更登记（一般信息）: address, telephone, ethnicity."""

    code = "detail_change"
    title = "变更登记（一般信息）"
    path = (Level.VILLAGE, Level.COUNTY)
    days = MappingProxyType({State.REVIEW: 3, State.APPROVAL: 2, State.RETURNED: 5})
    form = DetailChangeForm
    details = MappingProxyType({"address": "户籍地址", "phone": "联系电话", "ethnicity": "民族"})

    def value_problems(
        self,
        uow: UnitOfWork,  # noqa: ARG002  # the key details ask the store
        form: DetailChangeForm,
    ) -> Iterator[Invalid]:
        """A telephone that can be one, an ethnicity of the list."""
        yield from phone_problems(form.new_phone, field="new_phone")
        if form.new_ethnicity and form.new_ethnicity not in ETHNICITIES:
            yield Invalid("请从列表中选择民族", field="new_ethnicity")

    def notices(self, uow: UnitOfWork, form: DetailChangeForm) -> Iterator[Notice]:  # noqa: ARG002
        """A telephone filled in to get past the field."""
        yield from phone_notices(form.new_phone, field="new_phone")

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages and ethnicities."""
        choices = [("", "不变"), *((name, name) for name in ETHNICITIES)]
        return {**super().options(uow), "new_ethnicity": choices}


class KeyChange(ChangeOfDetails[KeyChangeForm]):
    """变更登记（关键信息）: name, citizen number, village, bank account; on evidence only."""

    code = "key_change"
    title = "变更登记（关键信息）"
    path = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    form = KeyChangeForm
    details = MappingProxyType(
        {
            "name": "姓名",
            "citizen_number": "公民身份号码",
            "village": "所在村（社区）",
            "bank_card": "银行卡号",
        }
    )

    def needs_evidence(self, form: KeyChangeForm) -> bool:
        """Who somebody is changes on a photo or a scan of the paper that says so."""
        return bool(form.new_name or form.new_citizen_number)

    def value_problems(self, uow: UnitOfWork, form: KeyChangeForm) -> Iterator[Invalid]:
        """New values by the rules of enrolment; nobody else has the number; evidence."""
        if form.new_name:
            yield from name_problems(form.new_name, field="new_name")
        yield from card_problems(form.new_bank_card, field="new_bank_card")
        yield from _number_change_problems(uow, form.new_citizen_number)
        yield from _move_problems(uow, form.new_village)
        yield from key_evidence_problems(has_evidence=form.evidence is not None, reason=form.reason)

    def notices(self, uow: UnitOfWork, form: KeyChangeForm) -> Iterator[Notice]:
        """A card that fails Luhn; much older or younger; very like somebody else afterwards."""
        yield from card_notices(form.new_bank_card, field="new_bank_card")
        yield from _age_notices(form, uow)
        changed = Bearer(
            name=normal_name(form.new_name or form.name),
            citizen_number=normal_number(form.new_citizen_number or form.citizen_number),
            village=form.new_village or form.village,
        )
        own = normal_number(form.citizen_number)
        yield from namesake_notices(uow, changed, instead_of=own)

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """The villages of the county, and what evidence there is."""
        evidence = [(each.value, each.title) for each in Evidence]
        return {
            **super().options(uow),
            "new_village": [("", "不变"), *places_of_county(uow)],
            "evidence": [("", "请选择"), *evidence],
        }


def registered(person: Known, name: str) -> str:
    """A detail as it is registered."""
    value = person.bank_account if name == "bank_card" else getattr(person, name)
    return str(value)


def stored(name: str, typed: str) -> str:
    """A new value as it will be stored."""
    if name == "name":
        return normal_name(typed)
    if name == "citizen_number":
        return normal_number(typed)
    return plain(typed) if name in ("phone", "bank_card") else typed.strip()


def _person_values(uow: UnitOfWork, values: Mapping[str, str]) -> dict[str, Any]:
    new: dict[str, Any] = {name: value for name, value in values.items() if name != "bank_card"}
    if "citizen_number" in new:
        number = read_number(new["citizen_number"], today=uow.today)
        new["citizen_index"] = keyring_of(uow.connection).index(number.text)
        new["born_on"], new["sex"] = number.born_on, str(number.sex)
    return new


def _enrolment_values(values: Mapping[str, str]) -> dict[str, Any]:
    of = {"bank_card": "bank_account", "village": "village"}
    return {column: values[name] for name, column in of.items() if name in values}


def _number_change_problems(uow: UnitOfWork, typed: str) -> Iterator[Invalid]:
    field = "new_citizen_number"
    if not typed:
        return
    wrong = list(number_problems(typed, today=uow.today, field=field))
    yield from wrong
    if wrong:
        return
    number = read_number(typed, today=uow.today)
    yield from age_problems(number.born_on, on=uow.today, field=field)
    if number.text in find_known(uow, [number.text]):
        yield Invalid("这个号码已经登记在另一人名下，请先核实是否一人两号", field=field)


def _move_problems(uow: UnitOfWork, village: str) -> Iterator[Invalid]:
    if not village:
        return
    try:
        place = RegionCode(village)
    except ValueError:
        place = uow.node
    if place.level is not Level.VILLAGE or place.county != uow.node.county:
        yield Invalid("只能迁入本县（市、区）的村；迁出本县请办理关系转移", field="new_village")


MUCH_YEARS = 2


def _age_notices(form: KeyChangeForm, uow: UnitOfWork) -> Iterator[Notice]:
    known = find_known(uow, [form.citizen_number]).get(normal_number(form.citizen_number))
    typed = form.new_citizen_number
    if known is None or not typed or any(number_problems(typed, today=uow.today)):
        return
    born_on = read_number(typed, today=uow.today).born_on
    before, after = age_on(known.born_on, uow.today), age_on(born_on, uow.today)
    if abs(before - after) >= MUCH_YEARS:
        yield Notice(
            f"变更后年龄由 {before} 岁变为 {after} 岁，影响待遇领取时间，请核对证明",
            "new_citizen_number",
        )
