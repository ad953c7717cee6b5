"""数据包 on a stick: named, written so that it may be pulled out, found again, and taken in."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from node.core.clock import shanghai
from node.core.errors import Invalid
from node.runtime import Node
from sync.bundle import export, look_at, plan_export
from sync.bundle_manifest import Label, Manifest
from sync.bundle_taking import Imported, take_in
from sync.errors import SyncRefusal
from sync.moment import parse_stamp
from sync.store import certificate

SUFFIX = ".bundle"
_MIB = 1 << 20
_HEADROOM = 2 * _MIB  # for the manifest, certificates and what the file system needs itself
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


def bundle_name(sender: str, receiver: str, at: datetime, *, is_receipt: bool) -> str:
    """What a bundle's file is called; the time is the office's."""
    kind = "-receipt" if is_receipt else ""
    return f"wuji-{sender}-to-{receiver}-{shanghai(at):%Y%m%d-%H%M}{kind}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Written:
    """A bundle that is safe on the stick. `beyond` streams need the network once, see `Plan`."""

    path: Path
    manifest: Manifest
    bytes: int
    beyond: int = 0


def write_bundle(
    node: Node, folder: Path, *, to: str = "", lock: bool = True, only_receipt: bool = False
) -> Written:
    """Write a bundle into a folder. When this returns, the stick may be pulled out.

    Raises:
        Invalid: the folder cannot be written, or has no room.
        Untrusted: this node exchanges no bundles with `to`.
    """
    plan = plan_export(node.replica, to=to, only_receipt=only_receipt)
    me, receiver = plan.me.node, plan.receiver.node
    name = bundle_name(me, receiver, node.clock(), is_receipt=only_receipt)
    with _in_words(folder):
        _require_room(folder, plan.bytes)
        path = _unused(folder / name)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("xb") as file:
                manifest = export(node.replica, plan, file, lock=lock)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            part.rename(path)
            _settle(folder)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    return Written(path, manifest, size, len(plan.beyond))


def _unused(path: Path) -> Path:
    """This name, or with a number the next that is free: nothing is ever written over."""
    number, found = 1, path
    while found.exists() or found.with_name(f"{found.name}.part").exists():
        number += 1
        found = path.with_name(f"{path.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")
    return found


def _require_room(folder: Path, size: int) -> None:
    free, needed = shutil.disk_usage(folder).free, size + _HEADROOM
    if free < needed:
        raise Invalid(
            f"{folder} 的空间不够：需要约 {needed / _MIB:.0f} MB，只剩 {free / _MIB:.0f} MB。"
            "请删去不用的文件，或换一个 U 盘"
        )


def _settle(folder: Path) -> None:
    """Make the new name itself durable, where the system can."""
    with suppress(OSError):  # FAT under some systems opens no folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _in_words(place: Path) -> Iterator[None]:
    """What a stick may do while it is written or read, as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            said = f"{place} 的空间不够，没有写成。请删去不用的文件，或换一个 U 盘"
        elif error.errno in _NOT_WRITABLE:
            said = f"{place} 不能读写：请检查 U 盘的写保护开关和权限"
        elif error.errno in (errno.ENOENT, errno.ENOTDIR):
            said = f"{place} 不存在：请检查 U 盘是否插好"
        else:
            said = f"{place} 读写出错（{error.strerror}）：请检查 U 盘是否插好，再试一次"
        raise Invalid(said) from error


@dataclass
class Taken:
    """What came of the bundles of a folder, or of one file."""

    imported: list[tuple[Path, Imported]] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    others: list[tuple[Path, Label]] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)
    unwritten: str = ""


def take_from(node: Node, place: Path) -> Taken:
    """Take in a file, or whatever in a folder is for this node; write receipts beside it.

    Raises:
        Invalid: there is nothing for this node.
    """
    if not place.is_dir():
        taken = Taken()
        _take_file(node, place, taken)
    else:
        taken = _take_folder(node, place)
    senders = {done.contents.manifest.sender for _, done in taken.imported if _is_news(done)}
    for sender in sorted(senders):
        folder = place if place.is_dir() else place.parent
        try:
            written = write_bundle(node, folder, to=sender, only_receipt=True)
        except (Invalid, SyncRefusal) as refusal:
            taken.unwritten = refusal.message
        else:
            taken.receipts.append(written.path)
    return taken


def _is_news(done: Imported) -> bool:
    """A receipt needs no receipt."""
    return done.contents.manifest.segments > 0


def _take_folder(node: Node, folder: Path) -> Taken:
    taken = Taken()
    ours: list[tuple[str, Path]] = []
    with _in_words(folder):
        files = sorted(folder.glob(f"*{SUFFIX}"))
    for path in files:
        try:
            label = _label(path)
        except (Invalid, SyncRefusal) as refusal:
            taken.refused.append((path, refusal.message))
            continue
        if label.receiver == node.code:
            ours.append((label.at, path))
        else:
            taken.others.append((path, label))
    if not ours and not taken.refused:
        raise Invalid(f"{folder} 里没有给本节点的数据包")
    for _, path in sorted(ours):
        try:
            _take_file(node, path, taken)
        except (Invalid, SyncRefusal) as refusal:
            taken.refused.append((path, refusal.message))
    return taken


def _take_file(node: Node, path: Path, taken: Taken) -> None:
    with _in_words(path), path.open("rb") as file:
        taken.imported.append((path, take_in(node.replica, file)))


def _label(path: Path) -> Label:
    with _in_words(path), path.open("rb") as file:
        return look_at(file)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A bundle to read; what goes wrong with the stick is said in words."""
    with _in_words(path), path.open("rb") as file:
        yield file


def correspondents(node: Node) -> list[str]:
    """Whom this node may write bundles for: its parent, and its direct children with machines."""
    me = node.replica.identity()
    if me is None:
        return []
    names = certificate.c
    below = (
        select(names.node)
        .where(names.issuer == me.node, names.node != me.node, names.held_by == names.node)
        .distinct()
        .order_by(names.node)
    )
    with node.engine.connect() as connection:
        children = list(connection.execute(below).scalars())
    return [*([me.parent] if me.parent else []), *children]


def in_words(node: Node, done: Imported) -> list[str]:
    """What came of one bundle, for people."""
    manifest = done.contents.manifest
    written = shanghai(parse_stamp(manifest.at))
    name = node.places.name(manifest.sender)
    told = [f"来自 {name}（{manifest.sender}），写于 {written:%Y-%m-%d %H:%M}"]
    if not manifest.segments:
        told.append("这是一张回执：对方收到了哪些，本节点已经记下")
    elif not done.segments and not done.refused:
        told.append(f"{manifest.records} 条记录此前都已收到，没有重复办理")
    else:
        told.append(f"共 {manifest.records} 条记录，这次新办理 {done.applied} 条")
    if done.held:
        told.append(f"搁置 {done.held} 条，原因见网络页")
    return told + [
        f"没有接受 {refused.route} 自第 {refused.first} 条起的记录：{refused.reason}"
        for refused in done.refused
    ]
