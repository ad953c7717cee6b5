"""What all kinds of bulletin have in common: the base class and the types of their values.

Amounts are integer fen, rates parts per million.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from node.policy.controls import Unit

Fen = Annotated[int, Field(strict=True, ge=0, le=10**12), Unit.YUAN]
Rate = Annotated[int, Field(strict=True, ge=0, le=1_000_000), Unit.PERCENT]
Year = Annotated[int, Field(strict=True, ge=2009, le=2200)]


class Body(BaseModel):
    """The typed content of a bulletin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    title: ClassVar[str]
    has_cost: ClassVar[bool] = False
    """Whether its cost can be told from accounts and pensions before it is published."""
    may_be_added_to: ClassVar[bool] = False
    """Whether a city or a county may issue one of its own, which adds to the province's."""
