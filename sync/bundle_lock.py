"""Locking a bundle to its receiver: who finds a lost stick reads who it is for, and nothing else.

The receiver's certificate is enough: no other key has to be made, sent or kept. Its Ed25519 key is
taken to Curve25519 (RFC 7748 §4.1) and used as X25519; one key for both is sound when the key
derivation takes in both public keys (Thormarker 2021), as here. A fresh key of the sender, ECDH,
HKDF-SHA256 and AES-256-GCM, as HPKE (RFC 9180) in base mode; the sender is proved by the signature
inside. The stream is cut into chunks whose nonces count up and end with a mark on the last, so that
none can be left out, moved, or cut off.
"""

from collections.abc import Iterator
from hashlib import sha256, sha512
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.errors import Malformed, Untrusted
from sync.keys import Signer
from sync.limits import KIB

CHUNK = 64 * KIB
"""Bytes of a chunk before it is encrypted; only the last is shorter."""

SCHEME = "x25519-hkdf-sha256-aes256gcm"
_KEY_BYTES = 32
_TAG_BYTES = 16
_COUNTER_BYTES = 11
_INFO = b"wuji/1 bundle lock\n"
_FIELD = 2**255 - 19


class Output(Protocol):
    """Something to write bytes to."""

    def write(self, data: bytes, /) -> object: ...


class Input(Protocol):
    """Something to read bytes from; fewer than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class Offer(NamedTuple):
    """A sender's fresh key: the public half goes with the bundle, the private half is forgotten."""

    public: bytes
    private: X25519PrivateKey


def make_offer(seed: bytes) -> Offer:
    """A fresh key pair from 32 random bytes."""
    private = X25519PrivateKey.from_private_bytes(seed)
    return Offer(private.public_key().public_bytes_raw(), private)


def sending_cipher(offer: Offer, *, receiver: bytes, alg: str, label: bytes) -> AESGCM:
    """The cipher for a receiver's certified key; `label` is bound to it.

    Raises:
        Untrusted: nothing can be locked to a key of this kind.
    """
    public = _x25519_public(receiver, alg)
    shared = _exchange(offer.private, public)
    return _cipher(shared, offer=offer.public, receiver=public, label=label)


def receiving_cipher(signer: Signer, *, offer: bytes, label: bytes) -> AESGCM:
    """The cipher a bundle was locked with, from the receiver's private key.

    Raises:
        Malformed: the sender's key is none.
        Untrusted: nothing can be locked to a key of this kind.
    """
    public = _x25519_public(signer.key, signer.alg)
    # RFC 8032 §5.1.5: the scalar is the first half of the seed's hash; X25519 clamps it the same.
    private = X25519PrivateKey.from_private_bytes(sha512(signer.private_bytes()).digest()[:32])
    return _cipher(_exchange(private, offer), offer=offer, receiver=public, label=label)


class LockedOutput:
    """Encrypts what is written to it. `close` writes the last chunk, and must be called."""

    def __init__(self, output: Output, cipher: AESGCM) -> None:
        self._output = output
        self._cipher = cipher
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes, /) -> object:
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._send(bytes(self._waiting[:CHUNK]), is_last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        self._send(bytes(self._waiting), is_last=True)

    def _send(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._number += 1
        self._output.write(self._cipher.encrypt(nonce, chunk, None))


class LockedInput:
    """Decrypts what it is asked for, one chunk at a time.

    Reading raises `Malformed` at the first chunk that is not as it was written.
    """

    def __init__(self, source: Input, cipher: AESGCM) -> None:
        self._chunks = _opened(source, cipher)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        pieces = []
        while size > 0:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    break
            piece, self._rest = self._rest[:size], self._rest[size:]
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def _opened(source: Input, cipher: AESGCM) -> Iterator[bytes]:
    number, chunk = 0, source.read(CHUNK + _TAG_BYTES)
    while chunk:
        following = source.read(CHUNK + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), chunk, None)
        except InvalidTag as error:
            raise Malformed("数据包已损坏，或不完整") from error
        number, chunk = number + 1, following


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES) + bytes([is_last])


def _exchange(private: X25519PrivateKey, public: bytes) -> bytes:
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Malformed("数据包的加密密钥无法使用") from error


def _cipher(shared: bytes, *, offer: bytes, receiver: bytes, label: bytes) -> AESGCM:
    info = _INFO + sha256(label).digest()
    kdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=offer + receiver, info=info)
    return AESGCM(kdf.derive(shared))


def _x25519_public(key: bytes, alg: str) -> bytes:
    if alg != "ed25519" or len(key) != _KEY_BYTES:
        raise Untrusted("不能为这种密钥的节点加密数据包", alg=alg)
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if y in (1, _FIELD + 1):
        raise Untrusted("对方的公钥不能用来加密")
    u = (1 + y) * pow(1 - y, -1, _FIELD) % _FIELD
    return u.to_bytes(_KEY_BYTES, "little")
