"""Becoming a child: a one-time code and a key made here, against a certificate and its chain."""

from collections.abc import Callable, Iterable

from sync import wording
from sync.certificate import Certificate, root_fingerprint, verify_chain
from sync.database import reading
from sync.errors import EpochBehind, JoinRefused, NotMember
from sync.keyring import PENDING, find_key
from sync.line import Line, NotGranted, Post
from sync.messages import Admission
from sync.peers import MessageKey, joining_name, key_name
from sync.replica import Replica
from sync.wire import WIRE_LIMITS, WireLimits

Confirm = Callable[[str], bool]
"""Asks a person whether this fingerprint is the one the parent read out on the telephone."""


def join_over(
    replica: Replica,
    post: Post,
    code: str,
    *,
    region: str,
    confirm: Confirm,
    limits: WireLimits = WIRE_LIMITS,
) -> Admission:
    """Ask a parent for a certificate and adopt it. A call that broke off may simply be repeated.

    Raises:
        LinkError: the parent was not reached, or refused the code.
        JoinRefused: the person said that the fingerprint is another.
        Untrusted, Malformed: what came back does not hold.
        NotMember: this node already belongs to a network.
    """
    line = Line(
        post=post,
        key=lambda: _pending_key(replica, region),
        peer=_certified_in_answer,
        clock=replica.site.clock,
        limits=limits,
    )
    admission = _ask(replica, line, code, region)
    chain = [admission.certificate, *admission.chain]
    fingerprint = root_fingerprint(chain[-1])
    verify_chain(chain, fingerprint)
    if not confirm(fingerprint):
        raise JoinRefused("根证书指纹与上级告知的不一致，未加入", fingerprint=fingerprint)
    replica.adopt(admission.certificate, admission.chain, fingerprint=fingerprint)
    return admission


def _ask(replica: Replica, line: Line, code: str, region: str) -> Admission:
    """A machine before this one may have had a clock that was ahead: then go beyond that."""
    applicant = replica.apply_to_join(region=region)
    try:
        answer = line.call("POST", "/join", wording.write_application(code, applicant))
    except NotGranted as refusal:
        if refusal.code != EpochBehind.code:
            raise
        applicant = replica.apply_after(region=region, after=refusal.more.get("after", ""))
        answer = line.call("POST", "/join", wording.write_application(code, applicant))
    return wording.read_admission(answer)


def _pending_key(replica: Replica, region: str) -> MessageKey:
    with reading(replica.site.engine) as connection:
        held = find_key(replica.site, connection, region, kinds=(PENDING,))
    if held is None:
        raise NotMember("本节点没有待认证的密钥", node=region)
    return MessageKey(joining_name(held.epoch), held.signer)


def _certified_in_answer(keyid: str, offered: Iterable[Certificate]) -> Certificate | None:
    """A refusal brings no chain, so who refuses cannot be told; nothing is adopted from it."""
    return next((found for found in offered if key_name(found.node, found.epoch) == keyid), None)
