"""The root's fingerprint as people read it out on the telephone, and type it back."""

GROUP = 4
LEAST = 16
"""Digits a person must type at least: 64 bits, which nobody finds a second key for."""


def grouped(fingerprint: str) -> str:
    """In groups of four, to be read out."""
    return " ".join(fingerprint[at : at + GROUP] for at in range(0, len(fingerprint), GROUP))


def agrees(found: str, typed: str) -> bool:
    """Is this what was typed: the whole fingerprint, or at least its last sixteen digits?"""
    plain = "".join(typed.split()).replace("-", "").lower()
    return len(plain) >= LEAST and found.endswith(plain)
