"""A TCP proxy on loopback that behaves like a village's line: it cuts, delays and throttles.

Bytes are counted in both directions together; a cut is a reset, in the middle of whatever was said.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 512


@dataclass
class BadLink:
    """`cut_after` bytes a connection dies; `delay` seconds before each chunk; `rate` bytes/s."""

    target: int
    cut_after: int | None = None
    delay: float = 0.0
    rate: int | None = None
    down: bool = False
    connections: int = 0
    cuts: int = 0
    carried: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self._listener.settimeout(0.1)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Reset every connection that is open now."""
        with self._lock:
            doomed, self._open = self._open, []
        for each in doomed:
            _reset(each)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            near.settimeout(None)
            if self.down:
                _reset(near)
                continue
            self.connections += 1
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            _reset(near)
            return
        far.settimeout(None)
        with self._lock:
            self._open += [near, far]
        meter = _Meter()
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, sink, meter), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, meter: "_Meter") -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                time.sleep(self.delay + (len(data) / self.rate if self.rate else 0))
                if self.cut_after is not None and meter.add(len(data)) > self.cut_after:
                    self.cuts += 1
                    _reset(source)
                    _reset(sink)
                    return
                sink.sendall(data)
                with self._lock:
                    self.carried += len(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
                each.close()


class _Meter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    def add(self, count: int) -> int:
        with self._lock:
            self._bytes += count
            return self._bytes


@contextmanager
def bad_link(
    target: int, *, cut_after: int | None = None, delay: float = 0.0, rate: int | None = None
) -> Iterator[BadLink]:
    """Such a line in front of a port of this machine."""
    link = BadLink(target, cut_after=cut_after, delay=delay, rate=rate)
    link.start()
    try:
        yield link
    finally:
        link.stop()


def _reset(each: socket.socket) -> None:
    with suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.shutdown(socket.SHUT_RD)
    with suppress(OSError):
        each.close()
