"""Worlds for what the simulator found: the engine's own trees, over SQLite files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.sync_tree import Clock, Tree, sqlite_urls


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """An empty tree over SQLite files."""
    grown = Tree(sqlite_urls(tmp_path), Clock())
    yield grown
    grown.dispose()
