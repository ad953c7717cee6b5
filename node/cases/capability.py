"""业务受理: the path village → township → county of everything that needs a second pair of eyes."""

from typing import TYPE_CHECKING

from node.cases.records import STEPPED, SUBMITTED
from node.cases.replicas import REPLICAS, go_on_numbering
from node.core.capability import Capability

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.cases import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


CAPABILITY = Capability(
    name="cases",
    record_types=(SUBMITTED, STEPPED),
    routers=_routers,
    replicas=REPLICAS,
    after_snapshot=go_on_numbering,
)
