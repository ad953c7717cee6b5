"""Looking at personal data in full is itself recorded (个人信息保护法 §51)."""

from enum import StrEnum

from node.core.ids import new_id
from node.core.models import AccessLog
from node.core.work import UnitOfWork


class Looked(StrEnum):
    """What was done with data that is not one's own."""

    LOOK = "look"
    EXPORT = "export"
    PRINT = "print"


def record_access(
    uow: UnitOfWork,
    subject: str,
    *,
    what: str,
    reason: str,
    kind: Looked = Looked.LOOK,
    about: str = "person",
) -> None:
    """Remember that the actor saw `what` of `subject` (an id, never a number), and why.

    `about` is what the subject is: a person, a case, a list or a file.
    """
    entry = AccessLog(
        id=new_id(),
        at=uow.now,
        actor_id=uow.actor.id,
        actor_name=uow.actor.name,
        subject=subject,
        what=what,
        reason=reason,
        kind=str(kind),
        about=about,
    )
    uow.session.add(entry)
