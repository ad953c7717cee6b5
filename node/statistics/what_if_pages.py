"""Pages: what a draft would cost, beside others of its kind."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.core.edge import Reading, page
from node.core.errors import Forbidden, NotFound
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.forms import in_words
from node.policy.models import Bulletin
from node.statistics.what_if import Effect, effect
from tiers import Level, Role

FEN_PER_YUAN = 100
MOST = 4
"""So many drafts side by side."""
MAY_SEE = (Role.POLICY_OFFICER, Role.STATISTICIAN, Role.QUALITY_SUPERVISOR, Role.ACCOUNTANT)

router = APIRouter(prefix="/statistics", include_in_schema=False)


@router.get("/what-if")
def what_if(
    request: Request, uow: Reading, bulletin: Annotated[list[str], Query(max_length=MOST)]
) -> Response:
    """The cost of one draft, or of several of a kind side by side."""
    if uow.level.rank > Level.COUNTY.rank or not uow.actor.holds(*MAY_SEE):
        raise Forbidden("测算由省、市、县的政策、统计、财务岗使用")
    chosen = [uow.get(Bulletin, one) for one in dict.fromkeys(bulletin)]
    if not chosen:
        raise NotFound("请选择要测算的文件")
    kind = chosen[0].kind
    effects = [effect(uow, one) for one in chosen if one.kind == kind]
    return page(
        request,
        "statistics/what_if.html",
        effects=effects,
        first=effects[0],
        words={one.bulletin.id: in_words(policy.body_of(one.bulletin)) for one in effects},
        others=_others(uow, kind, {one.id for one in chosen}),
        query="&".join(f"bulletin={one.bulletin.id}" for one in effects),
        may_add=len(effects) < MOST,
        **_pictures(request, effects[0]),
    )


def _others(uow: UnitOfWork, kind: str, shown: set[str]) -> list[Bulletin]:
    """Further drafts and bulletins of the kind to set beside."""
    return [one for one in policy.listed(uow, kind=kind) if one.id not in shown][:20]


def _pictures(request: Request, found: Effect) -> dict[str, Any]:
    places = request.app.state.node.places
    return {
        "by_county": {
            str(each.county): each.more_fen / FEN_PER_YUAN for each in found.counties if each.people
        },
        "region": request.app.state.node.code,
        "name_of": places.name,
        "names": [places.name(each.county) for each in found.counties],
        "now": [each.now_fen / FEN_PER_YUAN for each in found.counties],
        "then": [each.then_fen / FEN_PER_YUAN for each in found.counties],
    }
