"""Fetching a snapshot from the parent, a call at a time; whatever dies, the next call goes on.

What has arrived whole lies in the database, what has not in memory. When the parent no longer has
the snapshot (it was restarted), the next one is begun anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sync.backoff import Budget
from sync.errors import Malformed
from sync.line import Line, LinkDown, NotGranted
from sync.parts import Assembly
from sync.replica import Replica
from sync.snapshot import SnapshotSink
from sync.snapshot_taking import Arriving, Progress, arriving, begin, keep_part
from sync.snapshot_wording import (
    GONE,
    MAKING,
    READY,
    Inquiry,
    PartRequest,
    read_answer,
    write_inquiry,
    write_part_request,
)

COMPLETE, MORE, WAIT, NOT_OFFERED = "complete", "more", "wait", "not offered"
_PARENT = "parent"
_NOT_THERE = (404, 405)


@dataclass
class SnapshotFetch:
    """One snapshot on its way from the parent."""

    replica: Replica
    line: Line
    sink: SnapshotSink
    timer: Callable[[], float]
    progress: Progress
    budget: Budget = field(default_factory=Budget)
    _found: Arriving | None = field(default=None, init=False)
    _assembly: Assembly = field(default_factory=Assembly, init=False)

    def step(self) -> str:
        """One call: COMPLETE when all parts are here, MORE, WAIT for the parent, or NOT_OFFERED.

        Raises:
            LinkError, Untrusted, Malformed: as `Line.call`.
            SnapshotUnfit: it holds tables this program does not know.
        """
        if self._found is None:
            return self._ask()
        missing = self._found.missing
        if not missing:
            return COMPLETE
        started = self.timer()
        try:
            self._fetch(self._found, missing[0])
        except LinkDown as error:
            if error.reached:
                self.budget.failed()
            raise
        self.budget.succeeded(seconds=self.timer() - started)
        return MORE

    def say_done(self) -> None:
        """Let the parent give the parts up; it would do so by itself in a while."""
        name = self._found.name if self._found else ""
        self.line.call("POST", "/snapshot", write_inquiry(Inquiry(name, done=True)))

    def _ask(self) -> str:
        begun = arriving(self.replica.site)
        inquiry = Inquiry(begun.name if begun else "")
        try:
            answer = read_answer(self.line.call("POST", "/snapshot", write_inquiry(inquiry)))
        except NotGranted as refusal:
            if refusal.status in _NOT_THERE:
                return NOT_OFFERED  # a parent of an older program
            raise
        if answer.state == MAKING:
            return WAIT
        if answer.state != READY:
            return NOT_OFFERED
        self._found = begin(self.replica.site, answer.manifest, answer.signature, self.sink)
        self._tell()
        return MORE

    def _fetch(self, found: Arriving, number: int) -> None:
        said = found.manifest.parts[number]
        digest, have = self._assembly.have(_PARENT)
        request = PartRequest(
            found.name, number, have if digest == said.digest else 0, self.budget.size
        )
        answer = self.line.call("POST", "/snapshot/part", write_part_request(request))
        if answer.head.get("state") == GONE:
            self._found = None
            return
        part = answer.part
        if part is None or (part.digest.hex(), part.total) != (said.digest, said.packed):
            raise Malformed("快照分片与清单不符", table=said.table, part=number)
        whole = self._assembly.add(_PARENT, part)
        if whole is not None:
            self._found = keep_part(self.replica.site, found, number, whole)
            self._tell()

    def _tell(self) -> None:
        if self._found:
            self.progress(len(self._found.here), len(self._found.manifest.parts))
