"""Who reads figures reads them counted: what changed since the last count is counted first."""

from fastapi import Depends, Request

from node.core.edge import Who
from node.statistics import stale
from node.statistics.cells import refresh


def bring_up_to_date(request: Request, _actor: Who) -> None:
    """Count what changed, in a transaction of its own, before a reader's begins."""
    node = request.app.state.node
    with node.work(writing=False) as uow:
        is_behind = bool(stale.marks(uow))
    if is_behind:
        with node.work() as uow:
            refresh(uow)


UP_TO_DATE = Depends(bring_up_to_date)
