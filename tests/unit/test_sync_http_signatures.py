"""Signed requests and answers, against the RFC's own vector and against those who tamper."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sync.http_signatures import (
    Answer,
    Request,
    SignatureRefused,
    check_digest,
    content_digest,
    read_signature,
    sign_answer,
    sign_request,
    signature_base,
    verify,
)


class NodeKey:
    alg = "ed25519"

    def __init__(self, private: Ed25519PrivateKey, keyid: str) -> None:
        self.private = private
        self.keyid = keyid

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        try:
            self.private.public_key().verify(signature, data)
        except InvalidSignature:
            return False
        return True


KEY = NodeKey(Ed25519PrivateKey.generate(), "410122101201;1")
OTHER = NodeKey(Ed25519PrivateKey.generate(), "410122101202;1")
BODY = b'{"heads": []}'


def signed(body: bytes = BODY, *, query: str = "") -> Request:
    headers = sign_request(
        "POST", "/sync/v1/pull", query, body, key=KEY, created=1_800_000_000, nonce="n" * 22
    )
    return Request("POST", "/sync/v1/pull", query, headers)


def accept(request: Request, key: NodeKey = KEY) -> None:
    verify(request, read_signature(request.headers), key=key.verifies, alg=key.alg)


def refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(SignatureRefused) as refusal:
        call()
    assert refusal.value.code == code


def test_the_vector_of_rfc_9421_b_2_6_is_reproduced_byte_for_byte() -> None:
    private = load_der_private_key(
        base64.b64decode("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"), None
    )
    assert isinstance(private, Ed25519PrivateKey)
    request = Request(
        "POST",
        "/foo",
        "param=Value&Pet=dog",
        {
            "host": "example.com",
            "date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "content-type": "application/json",
            "content-length": "18",
        },
    )
    names = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    components = [f'"{name}"' for name in names]
    parameters = f'({" ".join(components)});created=1618884473;keyid="test-key-ed25519"'

    base = signature_base(request, components, parameters)

    assert base64.b64encode(private.sign(base)) == (
        b"wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )


def test_a_digest_has_the_form_of_rfc_9530() -> None:
    assert content_digest(b'{"hello": "world"}\n') == (
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    )


@pytest.mark.parametrize("query", ["", "wait=25"])
def test_what_a_node_signs_another_accepts(query: str) -> None:
    request = signed(query=query)
    accept(request)
    check_digest(request.headers, BODY)
    presented = read_signature(request.headers)
    assert (presented.keyid, presented.created) == ("410122101201;1", 1_800_000_000)
    assert presented.nonce == "n" * 22


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/sync/v1/segments"},
        {"headers": signed().headers | {"content-digest": content_digest(b"other")}},
        {
            "headers": signed().headers
            | {"signature-input": signed().headers["signature-input"].replace("1800", "1801")}
        },
    ],
)
def test_a_changed_request_does_not_fit_its_signature(changed: dict[str, object]) -> None:
    refused("forged", lambda: accept(replace(signed(), **changed)))  # type: ignore[arg-type]


def test_a_query_added_on_the_way_is_not_covered() -> None:
    refused("uncovered", lambda: accept(replace(signed(), query="all=1")))


def test_another_nodes_key_does_not_verify() -> None:
    refused("forged", lambda: accept(signed(), OTHER))


def test_another_body_is_not_the_one_that_was_signed() -> None:
    refused("digest", lambda: check_digest(signed().headers, b"something else"))
    refused("digest", lambda: check_digest({}, BODY))


def test_a_signature_must_cover_the_digest() -> None:
    headers = signed().headers
    bare = headers["signature-input"].replace(' "content-digest"', "")
    request = Request("POST", "/sync/v1/pull", "", headers | {"signature-input": bare})
    refused("uncovered", lambda: accept(request))


def test_a_key_is_used_with_its_own_algorithm_only() -> None:
    request = signed()
    presented = read_signature(request.headers)
    refused("algorithm", lambda: verify(request, presented, key=KEY.verifies, alg="sm2"))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unsigned"),
        ({"signature-input": "wuji=()"}, "unsigned"),
        ({"signature-input": "wuji=()", "signature": "wuji=:AA==:"}, "malformed"),
        ({"signature-input": "x" * 2000, "signature": "wuji=:AA==:"}, "malformed"),
        (
            {"signature-input": signed().headers["signature-input"], "signature": "wuji=:A:"},
            "malformed",
        ),
        (
            {
                "signature-input": 'wuji=("@method");keyid="a"',
                "signature": signed().headers["signature"],
            },
            "malformed",
        ),
        (
            {
                "signature-input": ", ".join([signed().headers["signature-input"]] * 2),
                "signature": signed().headers["signature"],
            },
            "malformed",
        ),
    ],
)
def test_what_is_not_one_signature_of_ours_is_refused(headers: dict[str, str], code: str) -> None:
    refused(code, lambda: read_signature(headers))


def test_a_proxy_may_add_a_signature_of_its_own() -> None:
    request = signed()
    more = {
        "signature-input": 'proxy=("@method");created=1;keyid="p", '
        + request.headers["signature-input"],
        "signature": request.headers["signature"] + ", proxy=:AAAA:",
    }
    accept(replace(request, headers={**request.headers, **more}))


def test_an_answer_belongs_to_one_request() -> None:
    asked, earlier = signed(), signed(b"another question")
    headers = sign_answer(200, b"answer", request=asked, key=OTHER, created=1_800_000_001)
    presented = read_signature(headers)

    verify(Answer(200, headers, asked), presented, key=OTHER.verifies, alg="ed25519")
    for wrong in (Answer(200, headers, earlier), Answer(401, headers, asked)):
        refused(
            "forged",
            lambda wrong=wrong: verify(wrong, presented, key=OTHER.verifies, alg="ed25519"),  # type: ignore[misc]
        )
