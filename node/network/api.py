"""The state of the network for programs."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from node.core.edge import Reading
from node.network import state

router = APIRouter(prefix="/api/network", tags=["network"])


class StreamOut(BaseModel):
    """One stream held here."""

    origin: str
    route: str
    head: int
    applied: int


class NetworkOut(BaseModel):
    """What waits, what is held back, and how far every stream is held."""

    node: str
    waiting: int
    held: dict[str, int]
    streams: list[StreamOut]


@router.get("")
def network(request: Request, uow: Reading) -> NetworkOut:
    """This node's end of the network."""
    connection = uow.connection
    parent = request.app.state.node.places.parent(uow.node)
    return NetworkOut(
        node=uow.node,
        waiting=state.waiting(connection, parent=parent, level=uow.level),
        held=state.held_by_kind(connection),
        streams=[
            StreamOut(origin=s.origin, route=s.route, head=s.head, applied=s.applied)
            for s in state.streams(connection)
        ],
    )
