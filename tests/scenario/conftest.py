"""Worlds for scenario tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.sync_tree import Clock, Tree, postgres_urls, sqlite_urls


@pytest.fixture
def sqlite_tree(tmp_path: Path) -> Iterator[Tree]:
    """An empty tree over SQLite files."""
    grown = Tree(sqlite_urls(tmp_path), Clock())
    yield grown
    grown.dispose()


@pytest.fixture
def postgres_tree(postgres_url: str) -> Iterator[Tree]:
    """An empty tree over one Postgres database."""
    grown = Tree(postgres_urls(postgres_url), Clock())
    yield grown
    grown.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def tree(request: pytest.FixtureRequest) -> Tree:
    """An empty tree, once over each kind of database."""
    found = request.getfixturevalue(f"{request.param}_tree")
    assert isinstance(found, Tree)
    return found
