"""Bulletins for programs."""

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from node.core.edge import Reading, Writing
from node.policy import issuing, service
from node.policy.models import Bulletin
from tiers import RegionCode

router = APIRouter(prefix="/api/policy", tags=["policy"])


class BulletinIn(BaseModel):
    """A draft; `body` is the typed content of its kind, in fen and ppm."""

    model_config = ConfigDict(extra="forbid")

    number: str
    kind: str
    title: str
    effective_from: date
    effective_to: date | None = None
    body: dict[str, Any]
    text: str = ""
    supersedes: str | None = None


class BulletinOut(BaseModel):
    """A bulletin as this node holds it."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    number: str
    kind: str
    title: str
    region: str
    status: str
    effective_from: date
    effective_to: date | None
    body: dict[str, Any]


class Coverage(BaseModel):
    """Which nodes below have acknowledged."""

    nodes: list[str]


def _out(bulletin: Bulletin) -> BulletinOut:
    return BulletinOut.model_validate(bulletin)


@router.get("/bulletins")
def listed(uow: Reading, kind: str = "") -> list[BulletinOut]:
    """Every bulletin this node holds, newest first."""
    return [_out(bulletin) for bulletin in service.listed(uow, kind=kind)]


@router.post("/bulletins", status_code=201)
def draft(body: BulletinIn, uow: Writing) -> BulletinOut:
    """Enter a draft (拟稿)."""
    fields = body.model_dump(exclude={"body"})
    typed = service.typed_body(body.kind, body.body)
    return _out(issuing.draft(uow, issuing.Draft(**fields, body=typed)))


@router.post("/bulletins/{bulletin_id}/publication")
def publish(bulletin_id: str, uow: Writing) -> BulletinOut:
    """Publish a draft (发布), by another officer than its author."""
    return _out(issuing.publish(uow, bulletin_id))


@router.get("/bulletins/{bulletin_id}/coverage")
def coverage(bulletin_id: str, uow: Reading) -> Coverage:
    """Who has acknowledged it."""
    return Coverage(nodes=sorted(service.acknowledged_nodes(uow, bulletin_id)))


@router.get("/in-force")
def in_force(uow: Reading, kind: str, on: date, region: str = "") -> BulletinOut | None:
    """What holds for a place on a day; null when nothing does."""
    place = RegionCode(region) if region else uow.node
    found = service.in_force(uow, kind, place, on)
    return _out(found.bulletin) if found else None
