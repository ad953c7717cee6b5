"""Argon2id hashes (RFC 9106), with a limit on how many are computed at once.

One hash takes 19 MiB for about 25 ms. A village PC has little memory, and forty people guessing at
a time must not fill it: the others wait their turn.
"""

import secrets
from functools import cached_property
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

STRONG = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
AT_ONCE = 2
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


class Passwords:
    """Hash and verify. `cheap` is for demonstrations and tests, where a hash must cost nothing."""

    def __init__(self, *, cheap: bool = False) -> None:
        self._hasher = CHEAP if cheap else STRONG
        self._turns = BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password. With None (no such user) it costs the same and is False."""
        with self._turns:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
            return stored is not None

    def is_dated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())


def temporary_password() -> str:
    """A first password to be read out once: four groups, no letters that look alike."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)
