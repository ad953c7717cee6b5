"""参保登记: people and their enrolments."""

from typing import TYPE_CHECKING

from node.core.capability import Capability
from node.registry.matters import Enrolment
from node.registry.records import OPENED, REGISTERED
from node.registry.replicas import REPLICAS

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.registry import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _matters() -> tuple[Enrolment, ...]:
    return (Enrolment(),)


CAPABILITY = Capability(
    name="registry",
    record_types=(REGISTERED, OPENED),
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
)
