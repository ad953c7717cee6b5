"""Those who mean harm: a relay that changes what it passes on, and a thief with a node's key."""

from hashlib import sha256
from random import Random

import orjson

from sync.keys import Signer
from sync.record import Record, canonical_line, parse_line
from sync.segment import Sealed, StreamId, read_header, seal_segment, unpack_lines
from sync.simulation.node import Node

_WAYS = ("flip", "cut", "forge", "drop", "swap")


class CrookedHands:
    """Alters what a relay passes on for others; what it writes itself it leaves alone."""

    def __init__(self, node: Node, random: Random) -> None:
        self._node = node
        self._random = random
        self.altered = 0

    def __call__(self, chosen: list[Sealed]) -> list[Sealed]:
        """What is sent instead."""
        handed: list[Sealed] = []
        for sealed in chosen:
            if read_header(sealed.header).origin == self._node.place:
                handed.append(sealed)
            elif self._random.random() < 0.5:  # noqa: PLR2004
                handed += self._alter(sealed)
            else:
                handed.append(sealed)
        if len(handed) > 1 and self._random.random() < 0.2:  # noqa: PLR2004
            handed.reverse()
        return handed

    def _alter(self, sealed: Sealed) -> list[Sealed]:
        self.altered += 1
        way = self._random.choice(_WAYS)
        body = sealed.body
        at = self._random.randrange(len(body))
        if way == "flip":
            return [sealed._replace(body=body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])]
        if way == "cut":
            return [sealed._replace(body=body[:at])]
        if way == "forge":
            return [self._forged(sealed)]
        return [] if way == "drop" else [sealed._replace(signature=bytes(64))]

    def _forged(self, sealed: Sealed) -> Sealed:
        """The same place in the same stream, but another number, signed with the relay's key."""
        header = read_header(sealed.header)
        lines = unpack_lines(sealed, header)
        record = parse_line(lines[0])
        body = record.body | {"forged": self._node.place}
        body |= {"n": 1 + body["n"]} if "n" in body else {}
        lines[0] = canonical_line(record._replace(body=body))
        return seal_segment(
            lines,
            stream=header.stream,
            first=header.first,
            prev=header.prev,
            types=header.types,
            cont=header.cont,
            sealed_at=header.sealed_at,
            signer=self._node.replica.signer(),
        )


def stolen_segment(signer: Signer, stream: StreamId, *, first: int, at: str) -> Sealed:
    """A segment signed with a victim's true key that follows on another history than its own."""
    body = {"uid": f"stolen/{stream.origin}", "n": 0}
    record = Record("case", 1, f"stolen/{stream.origin}", stream.origin, at, "thief", body)
    return seal_segment(
        [canonical_line(record)],
        stream=stream,
        first=first,
        prev=sha256(orjson.dumps(list(stream))).hexdigest(),
        types={"case": 1},
        cont=False,
        sealed_at=at,
        signer=signer,
    )
