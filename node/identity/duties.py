"""Separation of duties, asked by services before they do anything.

Which duties exclude each other is said in `tiers.roles`; here somebody is refused for it.
"""

from collections.abc import Iterable

from node.core.errors import Forbidden, NotFound
from node.core.work import UnitOfWork
from tiers import Duty, RegionCode, Role, same_case

SYSTEM = "system"


def require(uow: UnitOfWork, *roles: Role) -> None:
    """Let only people with one of these roles go on; the node itself may always.

    Raises:
        Forbidden: they hold none of them.
    """
    if uow.actor.holds(SYSTEM, *roles):
        return
    posts = "、".join(role.title for role in roles)
    raise Forbidden(f"此项由{posts}办理，您的岗位不能办理", needs=",".join(roles))


def require_duty(uow: UnitOfWork, duty: Duty) -> None:
    """Let only people go on whose post has this duty.

    Raises:
        Forbidden: theirs has not.
    """
    require(uow, *(role for role in Role if duty in role.duties))


def require_inside(uow: UnitOfWork, region: RegionCode) -> None:
    """Let people see and touch only what lies in the region they work for.

    It is answered as if it did not exist, so that nobody learns what other villages have.

    Raises:
        NotFound: it lies elsewhere.
    """
    if not uow.actor.scope.contains(region):
        raise NotFound("没有找到这条记录，或不在您负责的区域内", region=region)


def refuse_same_person(uow: UnitOfWork, duty: Duty, done: Iterable[tuple[str, Duty]]) -> None:
    """Refuse a second duty on one case to whoever did an excluding one (不相容岗位分离).

    `done` is who did what on this case so far: (actor id, duty).

    Raises:
        Forbidden: this person did a duty that excludes `duty`.
    """
    mine = [earlier for actor, earlier in done if actor == uow.actor.id]
    reason = same_case(duty, mine)
    if reason:
        raise Forbidden(reason, duty=duty)
