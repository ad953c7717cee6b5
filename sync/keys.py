"""Keys and how they sign. The algorithm is data: a government system may demand SM2 tomorrow.

A signature speaks for one purpose only: what is signed starts with the name of that purpose, so
that a signed segment can never be shown as a signed receipt.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sync.errors import Untrusted

FOR_SEGMENT = b"wuji/1 segment\n"
FOR_CERTIFICATE = b"wuji/1 certificate\n"
FOR_RECEIPT = b"wuji/1 receipt\n"
FOR_BUNDLE = b"wuji/1 bundle\n"
FOR_SUCCESSION = b"wuji/1 succession\n"
FOR_ARCHIVE = b"wuji/1 archive\n"

SEED_BYTES = 32


class Signer(Protocol):
    """A private key at work. `key` is its public half, as it stands in a certificate."""

    alg: str
    key: bytes

    def sign(self, data: bytes) -> bytes: ...

    def private_bytes(self) -> bytes: ...


Verifier = Callable[[bytes, bytes], bool]
"""(signature, data) -> does it hold?"""


class Algorithm(Protocol):
    """One way to sign, known by its name in headers and certificates."""

    name: str

    def signer(self, private: bytes) -> Signer: ...

    def verifier(self, public: bytes) -> Verifier: ...


class _Ed25519Signer:
    alg = "ed25519"

    def __init__(self, private: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(private)
        self.key = self._private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)

    def private_bytes(self) -> bytes:
        return self._private.private_bytes_raw()


class Ed25519:
    """RFC 8032; 17 thousand verifications a second and core."""

    name = "ed25519"

    def signer(self, private: bytes) -> Signer:
        return _Ed25519Signer(private)

    def verifier(self, public: bytes) -> Verifier:
        key = Ed25519PublicKey.from_public_bytes(public)

        def holds(signature: bytes, data: bytes) -> bool:
            try:
                key.verify(signature, data)
            except InvalidSignature:
                return False
            return True

        return holds


ALGORITHMS: dict[str, Algorithm] = {"ed25519": Ed25519()}
"""By name. A node that must sign with another algorithm adds it here before it starts."""


def algorithm(name: str) -> Algorithm:
    """Find an algorithm by its name.

    Raises:
        Untrusted: this node does not know it.
    """
    found = ALGORITHMS.get(name)
    if found is None:
        raise Untrusted("本节点不认识该签名算法", alg=name)
    return found


def signer(alg: str, private: bytes) -> Signer:
    return algorithm(alg).signer(private)


@lru_cache(maxsize=4096)
def verifier(alg: str, public: bytes) -> Verifier:
    """The check for one public key; kept, since unpacking a key costs as much as using it.

    Raises:
        Untrusted: the algorithm is unknown, or this is no key of it.
    """
    try:
        return algorithm(alg).verifier(public)
    except ValueError as error:
        raise Untrusted("公钥无法读取", alg=alg) from error
