"""What lies on the disk may be personal: the node gives the engine a vault to keep it in."""

from typing import Protocol


class Vault(Protocol):
    """Encrypts what is stored. `open(seal(data)) == data`; both may be called from any thread.

    `open` raises `Unreadable` for what is damaged or was sealed with other keys.
    """

    def seal(self, data: bytes) -> bytes: ...

    def open(self, data: bytes) -> bytes: ...


class Plain:
    """Keeps bytes as they are: for tests, and for disks that are encrypted as a whole."""

    def seal(self, data: bytes) -> bytes:
        return data

    def open(self, data: bytes) -> bytes:
        return data


PLAIN = Plain()
