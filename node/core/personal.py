"""Personal data: encrypted at rest, found by a keyed index, masked for reading.

个人信息保护法 §51 asks for encryption and de-identification. Citizen number, phone and bank account
never stand in clear text in the database. Each node has keys of its own in `secret_file`.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from node.core.errors import Invalid
from sync.errors import Unreadable

NONCE_BYTES = 12
INDEX_BYTES = 16


@dataclass(frozen=True, slots=True)
class Keyring:
    """The two keys of a node: one encrypts values, one makes the blind index. 32 bytes each."""

    data_key: bytes = field(repr=False)  # a log or a traceback that prints us shows no key
    index_key: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", AESGCM(self.data_key))

    def seal(self, clear: bytes, purpose: bytes = b"") -> bytes:
        """Encrypt with AES-256-GCM; `purpose` is bound to the value and needed to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, clear, purpose)

    def open(self, sealed: bytes, purpose: bytes = b"") -> bytes:
        """Decrypt what `seal` made.

        Raises:
            sync.Unreadable: it is damaged, or was sealed with other keys.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)
        except (InvalidTag, ValueError) as error:
            raise Unreadable("密文已损坏，或不是用本节点的密钥文件写的") from error

    def index(self, value: str) -> bytes:
        """A keyed fingerprint of a value: equal values have equal ones, and nothing else shows."""
        return hmac.new(self.index_key, value.encode(), hashlib.sha256).digest()[:INDEX_BYTES]

    @classmethod
    def generate(cls) -> "Keyring":
        """New random keys."""
        return cls(data_key=secrets.token_bytes(32), index_key=secrets.token_bytes(32))


def write_keyring(path: Path, keyring: Keyring) -> None:
    """Store keys in a new file that only its owner may read.

    Raises:
        FileExistsError: there is one already; overwriting it would make all data unreadable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        keys = {"data_key": keyring.data_key, "index_key": keyring.index_key}
        json.dump({name: base64.b64encode(key).decode() for name, key in keys.items()}, file)


def read_keyring(path: Path) -> Keyring:
    """The keys stored by `write_keyring`.

    Raises:
        Invalid: there is no such file, or it is damaged.
    """
    if not path.exists():
        raise Invalid(
            f"找不到密钥文件 {path}，请先运行 wuji init 或 wuji join", field="secret_file"
        )
    try:
        stored = json.loads(path.read_text())
        return Keyring(
            data_key=base64.b64decode(stored["data_key"]),
            index_key=base64.b64decode(stored["index_key"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"密钥文件 {path} 已损坏，请用备份恢复"
        raise Invalid(message, field="secret_file") from error


def keyring_of(connection: Connection) -> Keyring:
    """The keys of the node whose store this is; services make blind indexes with them."""
    return connection.dialect.wuji_keyring  # type: ignore[attr-defined,no-any-return]


class Encrypted(TypeDecorator[str]):
    """A text column encrypted under the keyring of its engine (`make_engine` puts it there)."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, purpose: str = "") -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encrypt on the way in."""
        if value is None:
            return None
        keyring: Keyring = dialect.wuji_keyring  # type: ignore[attr-defined]
        return keyring.seal(value.encode(), self.purpose.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Decrypt on the way out."""
        if value is None:
            return None
        keyring: Keyring = dialect.wuji_keyring  # type: ignore[attr-defined]
        return keyring.open(bytes(value), self.purpose.encode()).decode()


class EncryptedBytes(TypeDecorator[bytes]):
    """The same for what is not text: photos and scans."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, purpose: str = "") -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Encrypt on the way in."""
        if value is None:
            return None
        keyring: Keyring = dialect.wuji_keyring  # type: ignore[attr-defined]
        return keyring.seal(value, self.purpose.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Decrypt on the way out."""
        if value is None:
            return None
        keyring: Keyring = dialect.wuji_keyring  # type: ignore[attr-defined]
        return keyring.open(bytes(value), self.purpose.encode())


def mask_citizen_number(number: str) -> str:
    """For reading: the county prefix and the last four, `419099********1218`."""
    return f"{number[:6]}{'*' * max(0, len(number) - 10)}{number[-4:]}"


def mask_tail(number: str) -> str:
    """For phones and bank accounts: only the last four."""
    return f"{'*' * max(0, len(number) - 4)}{number[-4:]}"
