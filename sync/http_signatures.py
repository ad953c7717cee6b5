"""Signatures of requests and answers between nodes: RFC 9421, with Content-Digest of RFC 9530.

A request covers its method, path, query and the digest of its body; an answer covers its status,
the digest of its body and the signature of the request it answers, so an old answer cannot be
played to a new question. The signature covers the *digest*, which is a header: who asks is known
before a single byte of the body has been read.

Only the form written here is read back. A verifier that understands less can be fooled less.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LABEL = "wuji"
REQUEST_COMPONENTS = ('"@method"', '"@path"', '"content-digest"')
ANSWER_COMPONENTS = ('"@status"', '"content-digest"', '"signature";req')
LONGEST_FIELD = 1024  # characters of one signature header; ours have about 300

_COMPONENT = r'"@?[a-z][a-z0-9-]*"(?:;req)?'
_PARAMETER = r';[a-z]+=(?:[0-9]{1,15}|"[ !#-\[\]-~]{0,128}")'
_INPUT = re.compile(
    rf"([a-z][a-z0-9_-]*)=(\(({_COMPONENT}(?: {_COMPONENT}){{0,15}})\)((?:{_PARAMETER}){{0,8}}))"
)
_SIGNATURE = re.compile(r"([a-z][a-z0-9_-]*)=:([A-Za-z0-9+/]{1,344}={0,2}):")
_ONE_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")


class SignatureRefused(Exception):  # noqa: N818  # a refusal is an answer, not an error
    """A message is not signed as it must be; `code` says how, for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Signs(Protocol):
    """A private key that signs messages, and the names under which others find its public half."""

    @property
    def keyid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    def sign(self, data: bytes, /) -> bytes: ...


Verifies = Callable[[bytes, bytes], bool]
"""Whether (signature, data) belong together under one public key."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of a request. Header names are in lower case; `query` is without its mark."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    def component(self, name: str) -> str:
        """The value of a covered component (RFC 9421 §2.1, §2.2)."""
        derived = {
            "@method": self.method,
            "@path": self.path or "/",
            "@query": f"?{self.query}",
            "@authority": self.headers.get("host", "").lower(),
        }
        return derived[name] if name in derived else _field(self.headers, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is signed of an answer, with the request it belongs to."""

    status: int
    headers: Mapping[str, str]
    request: Request

    def component(self, name: str) -> str:
        """The value of a covered component; `;req` looks into the request (RFC 9421 §2.4)."""
        if name == "@status":
            return str(self.status)
        if name.endswith(";req"):
            return self.request.component(name.removesuffix(";req"))
        return _field(self.headers, name)


@dataclass(frozen=True, slots=True)
class Presented:
    """A signature as it was presented; nothing in it is to be believed before `verify`."""

    components: tuple[str, ...]
    parameters: str
    signature: bytes
    keyid: str
    alg: str
    created: int
    nonce: str


def content_digest(body: bytes) -> str:
    """The Content-Digest header of a body (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def check_digest(headers: Mapping[str, str], body: bytes) -> None:
    """Refuse a body that is not the one its Content-Digest header speaks of.

    Raises:
        SignatureRefused: there is no sha-256 digest, or it is another body's.
    """
    found = _DIGEST.search(headers.get("content-digest", ""))
    if not found or base64.b64decode(found[1]) != hashlib.sha256(body).digest():
        raise SignatureRefused("digest", "Content-Digest does not match the body")


def signature_base(message: Request | Answer, components: Sequence[str], parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421 §2.5). `components` carry their quotes and parameters."""
    lines = [f"{each}: {message.component(_unquoted(each))}" for each in components]
    lines.append(f'"@signature-params": {parameters}')
    return "\n".join(lines).encode("ascii", "backslashreplace")


def sign_request(
    method: str, path: str, query: str, body: bytes, *, key: Signs, created: int, nonce: str
) -> dict[str, str]:
    """The headers that sign a request. `created` is in seconds, by the clock of the other side."""
    headers = {"content-digest": content_digest(body)}
    message = Request(method, path, query, headers)
    components = [*REQUEST_COMPONENTS, '"@query"'] if query else REQUEST_COMPONENTS
    return headers | _sign(message, components, key, created=created, nonce=nonce)


def sign_answer(
    status: int, body: bytes, *, request: Request, key: Signs, created: int
) -> dict[str, str]:
    """The headers that sign an answer to a signed request. `created` is the signer's own clock."""
    headers = {"content-digest": content_digest(body)}
    message = Answer(status, headers, request)
    return headers | _sign(message, ANSWER_COMPONENTS, key, created=created, nonce="")


def read_signature(headers: Mapping[str, str]) -> Presented:
    """Our signature among the headers; others may sit beside it.

    Raises:
        SignatureRefused: there is none, or it is not written in the form this module writes.
    """
    inputs, signatures = headers.get("signature-input", ""), headers.get("signature", "")
    if not inputs or not signatures:
        raise SignatureRefused("unsigned", "the message carries no signature")
    if max(len(inputs), len(signatures)) > LONGEST_FIELD:
        raise SignatureRefused("malformed", "the signature headers are too long")
    found = [m for m in map(_INPUT.fullmatch, _members(inputs)) if m and m[1] == LABEL]
    signed = [m for m in map(_SIGNATURE.fullmatch, _members(signatures)) if m and m[1] == LABEL]
    if len(found) != 1 or len(signed) != 1:
        raise SignatureRefused("malformed", f"there is not exactly one signature named {LABEL}")
    given = {m[1]: m[2] or m[3] or "" for m in _ONE_PARAMETER.finditer(found[0][4])}
    created = given.get("created", "")
    if not given.get("keyid") or not created.isdecimal():
        raise SignatureRefused("malformed", "the signature lacks keyid or created")
    return Presented(
        components=tuple(found[0][3].split(" ")),
        parameters=found[0][2],
        signature=_decode(signed[0][2]),
        keyid=given["keyid"],
        alg=given.get("alg", ""),
        created=int(created),
        nonce=given.get("nonce", ""),
    )


def verify(message: Request | Answer, presented: Presented, *, key: Verifies, alg: str) -> None:
    """Check that the key made the signature and that it covers all it must.

    Raises:
        SignatureRefused: a component is missing, the algorithm is another, or the bytes differ.
    """
    required = set(REQUEST_COMPONENTS if isinstance(message, Request) else ANSWER_COMPONENTS)
    if isinstance(message, Request) and message.query:
        required.add('"@query"')
    if not required <= set(presented.components):
        raise SignatureRefused("uncovered", "the signature does not cover " + " ".join(required))
    if len(set(presented.components)) != len(presented.components):
        raise SignatureRefused("malformed", "a component is named twice")
    if presented.alg and presented.alg != alg:
        raise SignatureRefused("algorithm", f"the key is for {alg}")
    base = signature_base(message, presented.components, presented.parameters)
    if not key(presented.signature, base):
        raise SignatureRefused("forged", "the signature does not fit the message")


def _sign(
    message: Request | Answer, components: Sequence[str], key: Signs, *, created: int, nonce: str
) -> dict[str, str]:
    once = f';nonce="{nonce}"' if nonce else ""
    parameters = f'({" ".join(components)});created={created}{once};keyid="{key.keyid}"'
    parameters += f';alg="{key.alg}"'
    signature = key.sign(signature_base(message, components, parameters))
    return {
        "signature-input": f"{LABEL}={parameters}",
        "signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def _unquoted(component: str) -> str:
    return component.replace('"', "")


def _field(headers: Mapping[str, str], name: str) -> str:
    if name.startswith("@") or name not in headers:
        raise SignatureRefused("uncovered", f"the signature covers {name}, which is not there")
    return headers[name].strip()


def _members(field: str) -> list[str]:
    """The members of a dictionary field. No string of ours holds a comma, so none is looked for."""
    return [member.strip() for member in field.split(",")]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise SignatureRefused("malformed", "the signature is not base64") from error
