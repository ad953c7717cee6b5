"""Programs under measurement run as processes of their own, and are stopped by their own pid."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

READY_WITHIN = 60.0


@contextmanager
def python(
    *arguments: str, ready: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python ARGUMENTS…` until the block ends; enter it once `ready` (a URL) answers."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=Path(__file__).parent.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(process, ready)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    give_up = time.monotonic() + READY_WITHIN
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < give_up:
            if process.poll() is not None:
                raise RuntimeError(f"ended with {process.returncode} before it was ready")
            try:
                client.get(url).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.01)
            else:
                return
    raise RuntimeError(f"not ready within {READY_WITHIN:.0f} s: {url}")
