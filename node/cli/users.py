"""`wuji user`: the first administrator of a node, and the others when there is no browser."""

from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.identity import service
from node.identity.passwords import Passwords, temporary_password
from tiers import Role

app = typer.Typer(help="本节点的用户", no_args_is_help=True)


@app.command()
def add(
    config: Config,
    login: Annotated[str, typer.Argument(help="用户名")],
    name: Annotated[str, typer.Option(help="姓名")],
    role: Annotated[list[str], typer.Option(help="岗位，可多个；wuji user roles 列出全部")],
    scope: Annotated[str, typer.Option(help="负责的区划，默认本节点")] = "",
) -> None:
    """新建用户，显示初始口令；首次登录须改。"""
    node = node_from(config)
    passwords = Passwords(cheap=node.settings.login.cheap_passwords)
    password = temporary_password()
    new = service.NewUser(login=login, name=name, scope=scope or str(node.code), roles=role)
    with node.work() as uow:
        service.add_user(uow, new, password=password, passwords=passwords)
    typer.echo(f"已建立用户 {login}，初始口令 {password}（首次登录须改）")


@app.command()
def roles() -> None:
    """列出各级岗位。"""
    for role in Role:
        levels = "、".join(level.title for level in role.levels)
        typer.echo(f"{role.value:20} {role.title}（{levels}）{role.description}")
