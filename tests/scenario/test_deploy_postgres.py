"""deploy/postgres/setup.sql on a real server: one node, one database, nobody else's business."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid1

import psycopg
import pytest
from sqlalchemy import make_url

from tests.fixtures.postgres import PostgresMissingError, PostgresServer, private_server
from tests.fixtures.presence import absent

pytestmark = pytest.mark.postgres
SETUP = Path(__file__).parents[2] / "deploy" / "postgres" / "setup.sql"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own, even where TEST_PG_URL lends one: the script makes a role."""
    try:
        with private_server() as private:
            yield private
    except PostgresMissingError as missing:
        absent(str(missing))


@pytest.fixture
def node(server: PostgresServer) -> Iterator[str]:
    """A database made by the script."""
    name = f"wuji_{uuid1().hex}"
    _set_up(server, name)
    yield name
    server.drop_database(name)


def test_the_database_belongs_to_the_node_and_is_closed_to_others(
    server: PostgresServer, node: str
) -> None:
    with psycopg.connect(_plain(server.url(node))) as connection:
        [found] = connection.execute(
            """SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate,
                      has_database_privilege('pg_monitor', datname, 'CONNECT')
               FROM pg_database WHERE datname = current_database()"""
        ).fetchall()
    assert found == ("wuji", "UTF8", "C.UTF-8", False)


def test_the_node_may_make_its_tables(server: PostgresServer, node: str) -> None:
    own = make_url(server.url(node)).set(username="wuji")
    with psycopg.connect(_plain(own.render_as_string())) as connection:
        connection.execute("CREATE TABLE village (name text)")
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_a_second_node_on_the_same_server_is_set_up_too(server: PostgresServer, node: str) -> None:
    second = f"{node}_2"
    _set_up(server, second)
    server.drop_database(second)


def _set_up(server: PostgresServer, name: str) -> None:
    url = _plain(server.url("postgres"))
    command = ["psql", "--no-psqlrc", "--quiet", "-d", url, "-v", f"node={name}", "-f", str(SETUP)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:", 1)
