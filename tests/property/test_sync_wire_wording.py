"""What one end says is what the other end reads; anything else is one error."""

from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sync import wire, wording
from sync.errors import Malformed
from sync.messages import (
    NO_MARKS,
    Admission,
    Applicant,
    Declined,
    Ended,
    Head,
    Hello,
    Marks,
    Reach,
    Receipt,
    State,
    Taken,
    Welcome,
)
from sync.moment import stamp
from sync.segment import StreamId
from sync.wire import Cargo
from sync.wording import Progress, PullRequest
from tests.property.test_sync_wire_cargo import certificates

text = st.text(max_size=20)
name = st.from_regex(r"[a-z0-9/]{1,20}", fullmatch=True)
number = st.integers(0, 2**53 - 1)
digest = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
heads = st.lists(
    st.builds(Head, origin=name, epoch=name, route=name, seq=number, hash=digest), max_size=4
)
stamps = st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)).map(stamp)  # noqa: DTZ001  # a bound
versions = st.dictionaries(name, st.integers(1, 9), max_size=3)
greeting = {
    "node": text,
    "epoch": text,
    "protocol": st.tuples(st.integers(0, 9), st.integers(0, 9)),
    "versions": versions,
    "heads": heads,
    "clock": text,
    "certificates": st.lists(certificates, max_size=3).map(tuple),
}
taken = st.builds(
    Taken,
    watermarks=heads,
    refused=st.lists(
        st.builds(
            Declined, origin=name, epoch=name, route=name, first=number, code=name, reason=text
        ),
        max_size=3,
    ),
    receipt=st.none() | st.builds(Receipt, document=text.map(str.encode), signature=st.binary()),
    segments=number,
    applied=number,
    held=number,
)


def sent(cargo: Cargo) -> Cargo:
    return wire.decode(wire.encode(cargo))


NEWER = {"marks", "applicant", "ends", "states", "back", "ended"}
marks = st.builds(Marks, before=name, next=name)
trail = st.from_regex(r"([0-9a-f]{16}){0,3}", fullmatch=True)
reaches = st.builds(
    Reach, origin=name, epoch=name, route=name, seq=number, hash=digest, trail=trail
)
states = st.lists(
    st.builds(
        State,
        document=text.map(str.encode),
        signature=st.binary(),
        heads=st.lists(reaches, max_size=3),
    ),
    max_size=2,
).map(tuple)
applicants = st.builds(Applicant, epoch=text, alg=text, key=st.binary())


@given(
    st.builds(
        Hello,
        **greeting,
        marks=marks,
        applicant=st.none() | applicants,
        ends=heads,
        states=states,
    )
)
def test_a_hello_is_read_as_it_was_said(hello: Hello) -> None:
    assert wording.read_hello(sent(wording.write_hello(hello))) == hello


@given(
    st.builds(
        Welcome,
        **greeting,
        skew_ms=st.integers(-(2**53), 2**53 - 1),
        wanted=heads,
        continues=st.lists(text, max_size=3),
        ended=st.lists(st.builds(Ended, continues=text, milestones=heads), max_size=3),
        checked=st.dictionaries(name, stamps, max_size=3),
    )
)
def test_a_welcome_is_read_as_it_was_said(welcome: Welcome) -> None:
    assert wording.read_welcome(sent(wording.write_hello(welcome))) == welcome


@given(taken, st.none() | st.builds(Progress, digest=digest, have=number))
def test_an_answer_to_a_push_is_read_as_it_was_said(
    answer: Taken, progress: Progress | None
) -> None:
    cargo = sent(wording.write_taken(answer, progress))
    assert wording.read_taken(cargo) == answer
    assert wording.read_progress(cargo) == progress


streams = st.lists(st.builds(StreamId, origin=name, epoch=name, route=name), max_size=3)
pulls = st.builds(
    PullRequest,
    heads=heads,
    budget=number,
    wait=number,
    digest=digest,
    offset=number,
    without=streams,
    back=heads,
)


def test_what_an_older_program_says_is_read() -> None:
    hello = wording.write_hello(Hello("n", "e", (1, 1), {}, [], "", ()))
    pull = wording.write_pull(PullRequest([], 1, 0))
    old_hello = sent(Cargo({k: v for k, v in hello.head.items() if k not in NEWER}))
    old_pull = sent(Cargo({k: v for k, v in pull.head.items() if k not in NEWER}))

    assert wording.read_hello(old_hello).marks == NO_MARKS
    assert wording.read_hello(old_hello).applicant is None
    assert wording.read_pull(old_pull).back == []


@given(pulls)
def test_a_pull_is_read_as_it_was_said(request: PullRequest) -> None:
    assert wording.read_pull(sent(wording.write_pull(request))) == request


@given(text, applicants)
def test_an_application_is_read_as_it_was_said(code: str, applicant: Applicant) -> None:
    cargo = sent(wording.write_application(code, applicant))
    assert wording.read_application(cargo) == (code, applicant)


@given(
    st.builds(
        Admission,
        certificate=certificates,
        chain=st.lists(certificates, max_size=3),
        root_fingerprint=digest,
    )
)
def test_an_admission_is_read_as_it_was_said(admission: Admission) -> None:
    assert wording.read_admission(sent(wording.write_admission(admission))) == admission


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(name, inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    [
        *greeting,
        *Welcome._fields,
        *PullRequest._fields,
        *Applicant._fields,
        *("watermarks", "refused", "receipt", "counts", "part", "code"),
        "root_fingerprint",
    ]
)


@given(st.dictionaries(fields, values, max_size=12))
def test_any_head_is_read_or_refused_with_one_error(head: dict[str, object]) -> None:
    cargo = Cargo(orjson.loads(orjson.dumps(head)))
    for read in (
        wording.read_hello,
        wording.read_welcome,
        wording.read_taken,
        wording.read_progress,
        wording.read_pull,
        wording.read_application,
        wording.read_admission,
    ):
        try:
            read(cargo)
        except Malformed:
            continue
