"""Options several commands share."""

from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

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
    """The settings of a file under the environment; what is wrong is named, not traced."""
    try:
        return load_settings(config)
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        typer.echo(f"配置文件不是有效的 TOML（UTF-8）：{error}", err=True)
        raise typer.Exit(2) from error
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            typer.echo(f"配置有误：{where}：{_message(problem)}", err=True)
        raise typer.Exit(2) from error


def _message(problem: ErrorDetails) -> str:
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    sentence = _SENTENCES.get(problem["type"], "值不合适（{msg}）")
    return sentence.format(msg=problem["msg"], **problem.get("ctx", {}))


_SENTENCES = {
    "extra_forbidden": "没有这一项，请核对名称",
    "missing": "缺少这一项",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "float_parsing": "应为数字",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
}


def node_from(config: Path) -> Node:
    """The node of a configuration file, opened."""
    return open_node(settings_from(config))
