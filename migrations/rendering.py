"""How autogenerate writes our column types: as plain SQLAlchemy, so old revisions never break."""

from typing import Any, Literal

from sqlalchemy import JSON

from node.core.db import Instant
from node.core.personal import Encrypted, EncryptedBytes


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Source text of a custom type, or False to let Alembic do it."""
    if kind != "type":
        return False
    if isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Encrypted | EncryptedBytes):
        return "sa.LargeBinary()"
    if isinstance(item, JSON):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    if type(item).__name__ == "AutoString":
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def include_object(_item: Any, name: str | None, kind: str, *_rest: Any) -> bool:
    """Leave out what is not ours."""
    return not (kind == "table" and name in {"alembic_version", "spatial_ref_sys"})
