"""The public face: what it exports, what it must not load."""

import subprocess
import sys

import sync

HEAVY = ("fastapi", "starlette", "httpx", "pydantic", "sqlmodel", "node", "tiers")


def test_everything_exported_is_there_and_sorted() -> None:
    assert all(hasattr(sync, name) for name in sync.__all__)
    assert len(set(sync.__all__)) == len(sync.__all__)


def test_importing_it_loads_no_web_framework_and_nothing_of_the_node() -> None:
    program = f"import sys, sync; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_its_tables_are_its_own() -> None:
    from sync.store import metadata  # noqa: PLC0415  # what the node's migration creates

    assert all(name.startswith("sync_") for name in metadata.tables)
