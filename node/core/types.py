"""Column types shared by all tables. Money is `BigInteger`: an Integer ends at 21 million yuan."""

from sqlalchemy import JSON
from sqlalchemy.dialects.postgresql import JSONB

Json = JSON().with_variant(JSONB(), "postgresql")
