"""What a parent answers when it will not do what was asked: RFC 9457 problem details."""

from collections.abc import Mapping
from typing import Any

import orjson

from sync.errors import (
    JoinRefused,
    Malformed,
    NotMember,
    OutOfOrder,
    SyncRefusal,
    Untrusted,
)
from sync.gate import Busy
from sync.http_signatures import SignatureRefused

MEDIA = "application/problem+json"
STALE = "stale"

_STATUS: tuple[tuple[type[SyncRefusal], int], ...] = (
    (Untrusted, 403),
    (JoinRefused, 403),
    (Malformed, 400),
    (OutOfOrder, 409),
    (NotMember, 503),
)
_TITLES = {
    400: "报文无法读取",
    401: "请求的签名不被接受",
    403: "没有权限",
    408: "等待报文超时",
    409: "与已有记录不符",
    411: "缺少报文长度",
    413: "报文过大",
    422: "请求不被接受",
    429: "请求过于频繁",
    503: "暂时繁忙",
}


class Problem(Exception):  # noqa: N818  # an answer, not an error
    """An answer that is not the one asked for. `code` is for programs, `detail` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.more = dict(more or {})

    def body(self) -> bytes:
        """The problem document."""
        plain = {
            "type": f"urn:wuji:sync:{self.code}",
            "title": _TITLES.get(self.status, "请求不被接受"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return orjson.dumps(self.more | plain, default=str)

    def headers(self) -> dict[str, str]:
        """Headers beside the signature."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def from_signature(refused: SignatureRefused, *, clock: str) -> Problem:
    """A request that is not signed as it must be; a stale one learns this node's clock."""
    more = {"clock": clock} if refused.code == STALE else {}
    return Problem(401, refused.code, str(refused), more=more)


def from_busy(busy: Busy, *, retry_after: int) -> Problem:
    """Load that was shed."""
    return Problem(busy.status, busy.code, str(busy), retry_after=retry_after)


def from_refusal(refusal: SyncRefusal, *, retry_after: int) -> Problem:
    """What the engine refused."""
    status = next((status for kind, status in _STATUS if isinstance(refusal, kind)), 422)
    later = retry_after if status == 503 else None  # noqa: PLR2004  # not a member *yet*
    return Problem(status, refusal.code, refusal.message, retry_after=later, more=refusal.details)
