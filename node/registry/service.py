"""People and enrolments: find one, the roster of a village, read a number in full.

Everybody sees the people of the region they work for. Numbers are masked on pages; reading one in
full needs a reason and is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, select
from sqlmodel import col

from node.cases.queries import require_seeing
from node.core.access import record_access
from node.core.errors import Invalid, NotFound
from node.core.paging import PAGE_SIZE, Page, paged
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.enrol import NewEnrolment, enrol_many
from node.registry.models import Enrolment, Person
from node.registry.rules import normal_name
from tiers import RegionCode, RegionError

__all__ = [
    "Listed",
    "NewEnrolment",
    "by_number",
    "enrol_many",
    "enrolments_of",
    "find",
    "person_of",
    "roster",
    "unmask",
]

FOUND_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A person with the latest enrolment, for lists."""

    person: Person
    enrolment: Enrolment | None


def person_of(uow: UnitOfWork, person_id: str) -> Person:
    """One person.

    Raises:
        NotFound: there is none, or outside the region the actor works for.
    """
    person = uow.session.scalar(_seen(uow).where(col(Person.id) == person_id))
    if person is None:
        raise NotFound("没有找到这个人，或不在您负责的区域内")
    return person


def by_number(uow: UnitOfWork, citizen_number: str) -> Person | None:
    """The person with this citizen number, if known here."""
    index = keyring_of(uow.connection).index(normal_number(citizen_number))
    return uow.session.scalar(_seen(uow).where(col(Person.citizen_index) == index))


def find(uow: UnitOfWork, text: str) -> list[Listed]:
    """People by citizen number, or by the beginning of their name; the first fifty.

    Raises:
        Invalid: nothing to look for was given.
    """
    name = normal_name(text)
    if not name:
        raise Invalid("请填写公民身份号码或姓名", field="text")
    index = keyring_of(uow.connection).index(normal_number(text))
    exact = uow.session.scalars(_seen(uow).where(col(Person.citizen_index) == index)).all()
    if exact:
        return _listed(uow, exact)
    named = _seen(uow).where(col(Person.name).startswith(name, autoescape=True))
    people = uow.session.scalars(named.order_by(Person.name, Person.id).limit(FOUND_LIMIT)).all()
    return _listed(uow, people)


def roster(uow: UnitOfWork, region: str, *, number: int = 1, size: int = PAGE_SIZE) -> Page[Listed]:
    """The people of a village (or of any region the actor works for), by village and name.

    Raises:
        NotFound: the region is none, or not the actor's.
    """
    try:
        place = RegionCode(region)
    except RegionError as error:
        raise NotFound(str(error)) from error
    if not uow.actor.scope.contains(place):
        raise NotFound("不在您负责的区域内", region=region)
    statement = _seen(uow).where(*_within(place))
    ordered = statement.order_by(col(Person.village), col(Person.name), col(Person.id))
    page = paged(uow.session, ordered, number=number, size=size)
    return Page(_listed(uow, page.items), page.number, page.size, page.total)


def enrolments_of(uow: UnitOfWork, person: Person) -> Sequence[Enrolment]:
    """Every enrolment of a person, the latest first."""
    statement = select(Enrolment).where(
        col(Enrolment.county_code) == person.county_code,
        col(Enrolment.person_id) == person.id,
    )
    return uow.session.scalars(statement.order_by(col(Enrolment.opened_on).desc())).all()


def unmask(uow: UnitOfWork, person_id: str, *, reason: str) -> Person:
    """A person whose numbers are about to be read in full; the reading is recorded.

    Raises:
        Invalid: no reason is given.
        NotFound: there is no such person here.
    """
    person = person_of(uow, person_id)
    if not reason.strip():
        raise Invalid("请写明查看完整号码的原因", field="reason")
    record_access(uow, person.id, what="完整公民身份号码、电话和银行账号", reason=reason.strip())
    return person


def _seen(uow: UnitOfWork) -> Select[Person]:
    require_seeing(uow)
    return select(Person).where(*_within(uow.actor.scope))


def _within(region: RegionCode) -> list[ColumnElement[bool]]:
    inside = [col(Person.village).startswith(region.prefix)]
    if region.county:
        inside.append(col(Person.county_code) == str(region.county))
    return inside


def _listed(uow: UnitOfWork, people: Sequence[Person]) -> list[Listed]:
    latest: dict[str, Enrolment] = {}
    statement = select(Enrolment).where(col(Enrolment.person_id).in_([p.id for p in people]))
    for enrolment in uow.session.scalars(statement.order_by(col(Enrolment.opened_on))):
        latest[enrolment.person_id] = enrolment
    return [Listed(person, latest.get(person.id)) for person in people]
