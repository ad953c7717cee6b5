"""Identifiers: UUIDv7, made at the node where a thing first exists, so they sort by time."""

import uuid_utils


def new_id() -> str:
    """A new identifier as 36 characters."""
    return str(uuid_utils.uuid7())
