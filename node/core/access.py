"""Looking at personal data in full is itself recorded (个人信息保护法 §51)."""

from node.core.ids import new_id
from node.core.models import AccessLog
from node.core.work import UnitOfWork


def record_access(uow: UnitOfWork, subject: str, *, what: str, reason: str) -> None:
    """Remember that the actor saw `what` of `subject` (an id, never a number), and why."""
    entry = AccessLog(
        id=new_id(),
        at=uow.now,
        actor_id=uow.actor.id,
        actor_name=uow.actor.name,
        subject=subject,
        what=what,
        reason=reason,
    )
    uow.session.add(entry)
