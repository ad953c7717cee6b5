"""Photos and scans by the hash of their content, in pieces as they travel."""

from datetime import datetime

from sqlalchemy import SmallInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import EncryptedBytes


class Picture(SQLModel, table=True):
    """One picture. It may be known before all of its pieces have come.

    A picture belongs to whatever names its hash; two cases may name the same one.
    """

    county_code: str = Field(primary_key=True, max_length=12)
    hash: str = Field(primary_key=True, max_length=64, description="SHA-256 of the content")
    size: int = Field(description="bytes")
    pieces: int = Field(sa_type=SmallInteger)
    arrived_at: datetime | None = Field(default=None, sa_type=Instant, description="all of it")
    sent: bool = Field(default=False, description="written to the log of this node")
    thumbnail: bytes | None = Field(default=None, sa_type=EncryptedBytes("picture.thumbnail"))


class PicturePiece(SQLModel, table=True):
    """A piece of a picture, encrypted under the keys of this node."""

    __tablename__ = "picture_piece"

    county_code: str = Field(primary_key=True, max_length=12)
    hash: str = Field(primary_key=True, max_length=64)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    content: bytes = Field(sa_type=EncryptedBytes("picture.piece"))
