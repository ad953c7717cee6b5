"""How the engine says no.

SyncRefusal                understood and refused; nothing was changed
├── NotCanonical           a record cannot be written as a line, or a line is not canonical
├── Malformed              bytes from outside are not what they claim to be
├── Untrusted              a certificate chain or a signature does not hold
│   ├── Revoked            written after the author's certificate was revoked
│   ├── Cloned             a second machine speaks as the same set-up of a node
│   ├── Altered            a segment does not bear its author's signature
│   └── Expired            a certificate has run out; it may be renewed
├── OutOfOrder             a segment does not continue its stream
│   └── Forked             same numbers, other hash: two histories under one name
├── NotRouted              a stream does not travel over this link
├── Unauthorised           this author may not write this record
├── NotMember              this node is not part of a network (yet), or is part of another
├── Unreadable             what lies in the vault is damaged, or was sealed with other keys
├── Archived               what is asked for lies in an archive that is not at hand
├── JoinRefused            a join code is unknown, used, or past its time
│   └── EpochBehind        the new set-up would sort before the one it replaces
└── NothingHeld            no held record of that number is open

Refused, Waiting           what a handler of records raises; the engine answers, nobody else

A message is a Chinese sentence for a person, `code` is for programs.
"""

from collections.abc import Sequence
from typing import Any


class SyncRefusal(Exception):  # noqa: N818  # a refusal is an answer, not an error
    """Understood and refused; nothing was changed."""

    code = "refused"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotCanonical(SyncRefusal):
    """A record cannot be written as a line, or a line is not the canonical one."""

    code = "not_canonical"


class Malformed(SyncRefusal):
    """Bytes from outside are not what they claim to be."""

    code = "malformed"


class Untrusted(SyncRefusal):
    """A certificate chain or a signature does not hold."""

    code = "untrusted"


class Revoked(Untrusted):
    """What a node wrote after its certificate was revoked."""

    code = "revoked"


class Cloned(Untrusted):
    """A second machine speaks as the same set-up of a node."""

    code = "cloned"


class Altered(Untrusted):
    """A segment does not bear its author's signature: somebody on the way changed it."""


class Expired(Untrusted):
    """A certificate has run out; it may be renewed."""

    code = "expired"


class OutOfOrder(SyncRefusal):
    """A segment does not continue its stream."""

    code = "out_of_order"


class Forked(OutOfOrder):
    """Same numbers, other hash: two histories under one name."""

    code = "forked"


class NotRouted(SyncRefusal):
    """A stream does not travel over this link."""

    code = "not_routed"


class Unauthorised(SyncRefusal):
    """This author may not write this record."""

    code = "unauthorised"


class NotMember(SyncRefusal):
    """This node is not part of a network yet, or is part of another."""

    code = "not_member"


class Unreadable(SyncRefusal):
    """What lies in the vault is damaged, or was sealed with other keys."""

    code = "unreadable"


class Archived(SyncRefusal):
    """What is asked for lies in an archive that is not at hand."""

    code = "archived"

    def __init__(self, message: str, *, stream: tuple[str, str, str], archive: str | None) -> None:
        super().__init__(message, stream=stream, archive=archive)
        self.stream = stream


class JoinRefused(SyncRefusal):
    """A join code is unknown, used, or past its time."""

    code = "join_refused"


class EpochBehind(JoinRefused):
    """The new set-up would sort before the one it replaces: one of the clocks was wrong.

    `after` in the details is the epoch to go beyond.
    """

    code = "epoch_behind"


class NothingHeld(SyncRefusal):
    """No held record of that number is open."""

    code = "nothing_held"


class _Unapplied(Exception):  # noqa: N818  # an answer of a handler, not an error
    def __init__(self, reason: str, records: Sequence[Any] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.records = tuple(records)


class Refused(_Unapplied):
    """Raised by a handler: these records cannot be applied; hold them for a person.

    `records` are the `Arrived` ones at fault. A handler that does not name them is called again
    with halves until the engine has found them.
    """


class Waiting(_Unapplied):
    """Raised by a handler: what these records build on has not arrived; try again later."""
