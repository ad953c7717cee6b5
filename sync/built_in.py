"""Records the engine writes for itself, each with the rule of who may write it.

sync.revoked      a set-up of a node ended, or was succeeded        whoever stands above it
sync.arrived      a stream `to/<region>` came in there              the node it was for
sync.checkpoint   how far a node above holds an author's streams    whoever stands above it
sync.lost         a range of the author's own old stream is lost    its author
sync.erased       a line of the author's own stream shall be erased  its author
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from sync.arrivals import ARRIVED, apply_arrivals
from sync.certificate import Author
from sync.checkpoints import CHECKPOINT, apply_checkpoints
from sync.erasing import ERASED, apply_erasures
from sync.handlers import Authority, Handler
from sync.lost_ranges import LOST_RECORD, apply_losses
from sync.record import Arrived
from sync.regions import strictly_inside
from sync.revoking import REVOKED, apply_revocations
from sync.site import Site

_ANSWERS = 100_000


def handlers(site: Callable[[], Site]) -> Mapping[str, Handler]:
    """Handlers of the engine's own records. `site` is asked when they are called."""

    def bound(
        apply: Callable[[Site, Connection, Sequence[Arrived]], None],
    ) -> Callable[[Connection, Sequence[Arrived]], None]:
        return lambda connection, arrived: apply(site(), connection, arrived)

    return {
        REVOKED: Handler(1, apply_revocations),
        ARRIVED: Handler(1, bound(apply_arrivals)),
        CHECKPOINT: Handler(1, bound(apply_checkpoints)),
        LOST_RECORD: Handler(1, bound(apply_losses)),
        ERASED: Handler(1, bound(apply_erasures)),
    }


def with_own_rules(authority: Authority) -> Authority:
    """The node's authority, and the engine's own rules beside it.

    Answers are remembered: it is a pure function, and asking it of every record of a large county
    is a third of the time a segment takes.
    """

    @lru_cache(maxsize=_ANSWERS)
    def answer(author: Author, route: str, record_type: str, region: str) -> str | None:
        rule = _RULES.get(record_type)
        return rule(author, region) if rule else authority(author, route, record_type, region)

    return answer


def _from_above(author: Author, region: str) -> str | None:
    if strictly_inside(region, author.region):
        return None
    return "只有上级可以写关于下级节点的这类记录"


def _of_itself(author: Author, region: str) -> str | None:
    return None if region == author.region else "这类记录只能由节点写自己的事"


_RULES: Mapping[str, Callable[[Author, str], str | None]] = {
    REVOKED: _from_above,
    CHECKPOINT: _from_above,
    ARRIVED: _of_itself,
    ERASED: _of_itself,
    LOST_RECORD: _of_itself,
}
