"""Each request once: how old a signed request may be, and which ones were seen.

Inside the window a nonce is remembered; outside it the request is stale. What was signed before
this memory began is stale too, so a restart opens no gap: the other side learns the clock and signs
anew. Calls are idempotent, so this guards against load and confusion, not against loss.
"""

from collections import Counter, deque

from sync.http_signatures import SignatureRefused

NONCE_LENGTH = range(16, 65)  # characters; ours have 22


class NoncesFull(Exception):  # noqa: N818  # not wrong, only too much: the other side may wait
    """More requests inside one window than are remembered."""


class Nonces:
    """Requests seen inside the window. One per process; not for several threads at once.

    `window` is the greatest difference of clocks, in seconds, to either side. `capacity` bounds the
    memory (about 200 bytes each), `per_key` what one key may take of it.
    """

    def __init__(
        self, *, began: int, window: int = 300, capacity: int = 100_000, per_key: int = 20_000
    ) -> None:
        self.window = window
        self._began = began
        self._capacity = capacity
        self._per_key = per_key
        self._seen: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()
        self._order: deque[tuple[int, str, str]] = deque()

    def admit(self, keyid: str, nonce: str, *, created: int, now: int) -> None:
        """Remember a verified request, once.

        Raises:
            SignatureRefused: it is stale, from the future, or was seen before.
            NoncesFull: there is no room to remember it; it was not admitted.
        """
        self._mind_the_clock(now)
        if abs(now - created) > self.window or created < self._began:
            raise SignatureRefused("stale", f"signed {now - created:+d} s ago by this node's clock")
        if len(nonce) not in NONCE_LENGTH:
            raise SignatureRefused("malformed", "the nonce must have 16 to 64 characters")
        self._forget(now)
        if (keyid, nonce) in self._seen:
            raise SignatureRefused("replayed", "this request was received before")
        if len(self._order) >= self._capacity or self._counts[keyid] >= self._per_key:
            raise NoncesFull
        self._seen.add((keyid, nonce))
        self._counts[keyid] += 1
        self._order.append((now, keyid, nonce))

    def _mind_the_clock(self, now: int) -> None:
        """A clock that is put back must not keep everybody out until it has caught up."""
        self._began = min(self._began, now)
        if self._order and now < self._order[-1][0]:
            self._order = deque((min(at, now), keyid, nonce) for at, keyid, nonce in self._order)

    def _forget(self, now: int) -> None:
        """Drop what has become stale: signed at most a window ahead of when it was seen."""
        while self._order and now - self._order[0][0] > 2 * self.window:
            _, keyid, nonce = self._order.popleft()
            self._seen.discard((keyid, nonce))
            self._counts[keyid] -= 1
            if not self._counts[keyid]:
                del self._counts[keyid]
