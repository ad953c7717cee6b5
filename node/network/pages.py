"""The network page: a tree one reads at a glance; silence is the news."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.core.edge import Reading, page
from node.network import service
from node.runtime import VERSION

router = APIRouter(prefix="/network", include_in_schema=False)


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """This node, the nodes below, and the streams between them."""
    node = request.app.state.node
    status = node.replica.status()
    here = {"waiting": status.outbox, "held": sum(status.held.values())}
    rows = service.tree(uow, node.places, here=here, version=VERSION)
    return page(request, "network/index.html", rows=rows, status=status)
