"""Serial numbers of a county, gap-free and in the order of the transactions that use them."""

from sqlalchemy import text

from node.core.errors import Forbidden
from node.core.work import UnitOfWork
from tiers import Level, RegionCode

ENTRY = "journal_entry"
ACCOUNT = "account"

# The row stays locked until the commit: whoever comes second waits, and a rollback gives back.
_ADVANCE = text("""
    INSERT INTO counter (county_code, name, value) VALUES (:county, :name, :n)
    ON CONFLICT (county_code, name) DO UPDATE SET value = counter.value + :n
    RETURNING value
""")


def own_county(uow: UnitOfWork) -> RegionCode:
    """The county whose books this node keeps.

    Raises:
        Forbidden: only a county keeps accounts.
    """
    if uow.level is not Level.COUNTY:
        raise Forbidden("个人账户由县级经办机构记账，本节点只能查看")
    return uow.node


def serial(uow: UnitOfWork, name: str, n: int = 1) -> int:
    """Reserve `n` consecutive numbers; the answer is the first of them."""
    row = {"county": str(own_county(uow)), "name": name, "n": n}
    return int(uow.connection.execute(_ADVANCE, row).scalar_one()) - n + 1


def last_serial(uow: UnitOfWork, name: str) -> int:
    """The newest number that was given, 0 when there is none. Waits for others like `serial`."""
    return serial(uow, name, 0) - 1  # `serial` answers the first of those it reserves: the next
