"""What a reader of figures chose: a place, a period, a figure."""

from typing import Annotated

from pydantic import BaseModel, Field

from node.core.work import UnitOfWork
from node.statistics import figures
from node.statistics.rules import Period


class Asked(BaseModel):
    """What a reader chose: a place, a period (year 0: the newest; month 0: the year), a figure."""

    region: str = ""
    year: Annotated[int, Field(ge=0, le=2200)] = 0
    month: Annotated[int, Field(ge=0, le=12)] = 0
    measure: str = "enrolled"


def period_of(uow: UnitOfWork, asked: Asked) -> Period:
    """The period asked for; the newest year with figures when none was named."""
    known = [] if asked.year else figures.years(uow)
    return Period(asked.year or (known[0] if known else uow.today.year), asked.month)
