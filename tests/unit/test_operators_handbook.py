"""What the handbook tells people to type exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from node.cli import app
from tiers import Role

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "docs" / "operators.zh.md"


def _commands() -> list[str]:
    blocks = re.findall(r"```(?:bash|bat)\n(.*?)```", HANDBOOK.read_text(), flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    called = [
        re.search(r"(?:^|[\s\\])(?<!-[ug] )(?:wuji|node) ([a-z][a-z-]*(?: .*)?)$", line)
        for line in lines
    ]
    return [match[1].rstrip('"') for match in called if match]


@pytest.mark.parametrize("command", _commands())
def test_a_command_of_the_handbook_is_one_of_ours(command: str) -> None:
    found: Any = typer.main.get_command(app)
    words = shlex.split(command)
    while hasattr(found, "commands"):
        word = words.pop(0)
        assert word in found.commands, f"no command {word}"
        found = found.commands[word]
        if words == ["--help"]:
            return
    known = {option for each in found.params for option in each.opts}
    assert {word for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("role", re.findall(r"--role ([a-z_]+)", HANDBOOK.read_text()))
def test_a_post_of_the_handbook_is_one_of_ours(role: str) -> None:
    assert role in set(Role)


def test_every_command_we_have_is_in_the_handbook() -> None:
    ours: Any = typer.main.get_command(app)
    assert set(ours.commands) <= {command.split()[0] for command in _commands()}


def test_every_file_the_handbook_names_is_shipped() -> None:
    text = HANDBOOK.read_text()
    named = set(re.findall(r"deploy/[a-z./@-]+\.(?:toml|sql|conf|sh)", text))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
