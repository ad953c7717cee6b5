"""Beginning with the state of the parent, over HTTP."""

import time
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom

from sync.backoff import Backoff
from sync.client import LIMITS, LinkLimits, line_to_parent, pause_after
from sync.errors import NotMember
from sync.http_post import HttpPost, MakeClient, plain_client
from sync.line import LinkError, NotGranted
from sync.replica import Replica
from sync.snapshot import SnapshotSink
from sync.snapshot_link import COMPLETE, NOT_OFFERED, WAIT, SnapshotFetch
from sync.snapshot_taking import Progress, SetDown, can_begin, set_down


def take_snapshot(
    replica: Replica,
    url: str,
    sink: SnapshotSink,
    *,
    progress: Progress = lambda _done, _all: None,
    client: MakeClient = plain_client,
    limits: LinkLimits = LIMITS,
    sleep: Callable[[float], None] = time.sleep,
) -> SetDown | None:
    """Begin with the parent's state instead of its history; None when the parent offers none.

    What had arrived before a failure stays; the next call goes on from there.

    Raises:
        LinkError: the parent could not be reached any more, or said no.
        Untrusted, Malformed: what came is not the parent's, or not whole.
        SnapshotUnfit: it holds tables this program does not know.
        NotMember: this node has joined no parent, or has taken something from others already.
    """
    if not can_begin(replica.site, sink):
        raise NotMember("本节点已经从上级收到过数据，不能再用快照")
    post = HttpPost(client(), url)
    try:
        line = line_to_parent(replica, post, limits)
        fetch = SnapshotFetch(replica, line, sink, time.monotonic, progress, limits.budget())
        if not _fetch(fetch, Backoff(SystemRandom(), limits.first_retry), limits, sleep):
            return None
        done = set_down(replica.site, sink)
        with suppress(LinkError):
            fetch.say_done()
        return done
    finally:
        post.close()


def _fetch(
    fetch: SnapshotFetch, backoff: Backoff, limits: LinkLimits, sleep: Callable[[float], None]
) -> bool:
    """Until all parts are here; false when there are none to be had."""
    while True:
        try:
            said = fetch.step()
        except LinkError as error:
            pause = pause_after(backoff, error)
            if isinstance(error, NotGranted) or backoff.failures >= limits.attempts:
                raise
            sleep(pause)
            continue
        backoff.succeeded()
        if said in {COMPLETE, NOT_OFFERED}:
            return said == COMPLETE
        if said == WAIT:
            sleep(limits.tick)
