"""Signed append-only logs, replicated along a tree of nodes. See README.md beside this file.

Importing this package loads no web framework: `sync.server` and `sync.client` are imported by
those who need them.
"""

from sync.certificate import Author, Certificate, certificate_from_json, root_fingerprint
from sync.errors import (
    Forked,
    JoinRefused,
    Malformed,
    NotCanonical,
    NothingHeld,
    NotMember,
    NotRouted,
    OutOfOrder,
    Refused,
    Revoked,
    SyncRefusal,
    Unauthorised,
    Unreadable,
    Untrusted,
    Waiting,
)
from sync.handlers import Authority, Handler, Handlers, Notice
from sync.limits import LIMITS, Limits
from sync.log import Sealing, append
from sync.messages import (
    Admission,
    Applicant,
    Declined,
    Head,
    Hello,
    Receipt,
    Taken,
    Welcome,
)
from sync.record import Arrived, Record, canonical_line, parse_line
from sync.replica import Replica
from sync.segment import Header, Sealed, StreamId
from sync.vault import PLAIN, Vault

__all__ = [
    "LIMITS",
    "PLAIN",
    "Admission",
    "Applicant",
    "Arrived",
    "Author",
    "Authority",
    "Certificate",
    "Declined",
    "Forked",
    "Handler",
    "Handlers",
    "Head",
    "Header",
    "Hello",
    "JoinRefused",
    "Limits",
    "Malformed",
    "NotCanonical",
    "NotMember",
    "NotRouted",
    "NothingHeld",
    "Notice",
    "OutOfOrder",
    "Receipt",
    "Record",
    "Refused",
    "Replica",
    "Revoked",
    "Sealed",
    "Sealing",
    "StreamId",
    "SyncRefusal",
    "Taken",
    "Unauthorised",
    "Unreadable",
    "Untrusted",
    "Vault",
    "Waiting",
    "Welcome",
    "append",
    "canonical_line",
    "certificate_from_json",
    "parse_line",
    "root_fingerprint",
]
