"""What a matter (业务事项) is, and the register of those this node handles.

A matter is one class in one file of its capability: its form, its checks, what approval does.
People, steps and deadlines belong to `cases`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel

from node.cases.forms import FormField, Option, fields_of
from node.cases.models import Case
from node.cases.rules import State
from node.core.errors import Invalid, NotFound, Refusal
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from tiers import Level, RegionCode

F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a case is about."""

    name: str
    citizen_number: str


class Notice(Protocol):
    """Something to look at that does not refuse the form (提示)."""

    @property
    def message(self) -> str: ...

    @property
    def field(self) -> str: ...


class Area(TitledEnum):
    """What a matter is about: matters are offered by it, in this order."""

    REGISTRATION = "registration", "参保登记"
    CONTRIBUTION = "contribution", "缴费"
    BENEFIT = "benefit", "待遇"
    TRANSFER = "transfer", "关系转移"
    COMPLAINT = "complaint", "投诉咨询"


class Matter(ABC, Generic[F]):
    """One kind of case.

    `path` names the levels a case passes; `days` is how many working days each desk has (社会保险
    经办条例 §6 allows 10 from acceptance to the decision).
    """

    code: ClassVar[str]
    title: ClassVar[str]
    area: ClassVar[Area] = Area.REGISTRATION
    path: ClassVar[tuple[Level, ...]] = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
    days: ClassVar[Mapping[State, int]] = MappingProxyType(
        {State.FIRST_REVIEW: 3, State.REVIEW: 4, State.APPROVAL: 3, State.RETURNED: 5}
    )
    number_field: ClassVar[str] = "citizen_number"
    paper_title: ClassVar[str] = ""
    """The name of the official form; made of the matter's own title where it is not given."""
    form: type[F]

    @abstractmethod
    def subject(self, form: F) -> Subject:
        """Whom the case is about; one person has one open case of a matter."""

    @abstractmethod
    def village(self, form: F) -> RegionCode:
        """The place the case is about; it decides who may see it."""

    @abstractmethod
    def check_many(self, uow: UnitOfWork, forms: Sequence[F]) -> list[list[Invalid]]:
        """What keeps each form from going on, asked together so that a roll is set-based work.

        Asked when a case is entered and again at every desk that passes it.
        """

    @abstractmethod
    def approve_many(
        self, uow: UnitOfWork, cases: Sequence[tuple[Case, F]]
    ) -> Sequence[str | Refusal]:
        """Do what approval means for each case: what came of it in words, or why it cannot be.

        Runs inside the transaction of the approval. A refused case stays where it is.
        """

    def check(self, uow: UnitOfWork, form: F) -> Iterator[Invalid]:
        """What keeps one form from going on."""
        yield from self.check_many(uow, [form])[0]

    def completed(self, uow: UnitOfWork, forms: Sequence[F]) -> Sequence[F]:  # noqa: ARG002
        """Forms with what the entering node knows and nobody types, before they are checked."""
        return forms

    def notices(self, uow: UnitOfWork, form: F) -> Iterator[Notice]:  # noqa: ARG002  # a matter may have none
        """What somebody should look at before the form goes on."""
        yield from ()

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:  # noqa: ARG002
        """Choices that are known only here and now, by field."""
        return {}

    def derived(self, form: F) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """What the form says without being asked: (title, words)."""
        return ()

    def needs_evidence(self, form: F) -> bool:  # noqa: ARG002
        """Whether the case goes nowhere without a photo or a scan of what proves it."""
        return False

    def beginning(self, uow: UnitOfWork, person_id: str) -> Mapping[str, str] | None:  # noqa: ARG002
        """What the form begins with for a person who is known here, by field; none when the
        matter is not for people who are known already.

        Raises:
            NotFound: there is no such person, or none the actor may see.
        """
        return None

    def before(self, uow: UnitOfWork, form: F) -> Mapping[str, object]:  # noqa: ARG002
        """What the register holds now, by field of the form: desks see both side by side.

        Only fields named here are compared; none where the matter changes nothing.
        """
        return {}

    def outcome_href(self, case: Case) -> str:  # noqa: ARG002
        """Where to read what approval made; empty when there is no such page."""
        return ""

    def fields(self, uow: UnitOfWork) -> tuple[FormField, ...]:
        """The form as a page shows it."""
        return fields_of(self.form, self.options(uow))


_REGISTER: dict[str, Matter[Any]] = {}


def register(matter: Matter[Any]) -> None:
    """Let this process handle a matter. Registering it again changes nothing."""
    _REGISTER[matter.code] = matter


def matter_of(code: str) -> Matter[Any]:
    """A matter by its code.

    Raises:
        NotFound: this node does not handle it.
    """
    matter = _REGISTER.get(code)
    if matter is None:
        raise NotFound("本节点不办理这个事项", matter=code)
    return matter


def is_known(code: str) -> bool:
    """Whether this process handles a matter; a newer node may send others."""
    return code in _REGISTER


def matters() -> tuple[Matter[Any], ...]:
    """Every matter handled here, in the order they were registered."""
    return tuple(_REGISTER.values())


def areas() -> list[tuple[Area, list[Matter[Any]]]]:
    """Every matter handled here by what it is about."""
    found = [(area, [each for each in matters() if each.area is area]) for area in Area]
    return [(area, each) for area, each in found if each]


def matter_title(code: str) -> str:
    """The name of a matter; its code where a newer program wrote the case."""
    matter = _REGISTER.get(code)
    return matter.title if matter else code
