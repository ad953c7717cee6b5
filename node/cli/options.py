"""Options several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from node.runtime import Node, open_node
from node.settings import Settings, load_settings

Config = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        exists=True,
        dir_okay=False,
        help="本节点的配置文件（TOML）",
        show_default=False,
    ),
]


def settings_from(config: Path) -> Settings:
    """The settings of a file under the environment; a wrong key is named, not traced."""
    from pydantic import ValidationError  # noqa: PLC0415  # already loaded by settings

    try:
        return load_settings(config)
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            typer.echo(f"配置有误：{where}：{problem['msg']}", err=True)
        raise typer.Exit(2) from error


def node_from(config: Path) -> Node:
    """The node of a configuration file, opened."""
    return open_node(settings_from(config))
