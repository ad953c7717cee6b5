"""Gap-free serial numbers of one county, taken in blocks inside the transaction that uses them."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from node.core.models import Counter
from node.core.work import UnitOfWork

counters: Table = Counter.__table__  # type: ignore[attr-defined]


def reserve(uow: UnitOfWork, name: str, count: int, *, county_code: str) -> int:
    """The first of `count` consecutive numbers, beginning at 1.

    Whoever reserves holds the row until the transaction ends, so the next one waits for the
    number and sees what this one wrote. `count` may be 0: it only queues.
    """
    connection = uow.connection
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(counters).values(county_code=county_code, name=name, value=count)
    advanced = statement.on_conflict_do_update(
        index_elements=["county_code", "name"],
        set_={"value": counters.c.value + statement.excluded.value},
    ).returning(counters.c.value)
    return int(connection.execute(advanced).scalar_one()) - count + 1
