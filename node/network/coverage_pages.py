"""The page that says who has received a bulletin, on the map and by name."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.core.edge import Reading, page
from node.core.errors import NotFound
from node.network.coverage import coverage_of
from node.policy.models import Bulletin

LISTED = 200

router = APIRouter(prefix="/network", include_in_schema=False)


@router.get("/coverage/{bulletin_id}")
def show(request: Request, bulletin_id: str, uow: Reading) -> Response:
    """Who below holds a bulletin, who does not, and since when it is out."""
    bulletin = uow.get(Bulletin, bulletin_id)
    if bulletin.published_at is None:
        raise NotFound("文件还没有发布，谁也没有收到")
    places = request.app.state.node.places
    found = coverage_of(uow, bulletin)
    return page(
        request,
        "network/coverage.html",
        found=found,
        by_county={str(each.county): each.percent for each in found.counties},
        shown=found.missing[:LISTED],
        region=uow.node,
        name_of=places.name,
        path_of=places.path,
        percent=lambda value: f"{value:.0f}%",
        days=found.age.days,
    )
