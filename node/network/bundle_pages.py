"""/network/bundle: two buttons for a village without a line, 导出 and 导入."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from node.core.clock import from_iso
from node.core.edge import House, Reading, page, redisplay
from node.core.errors import Conflict, Forbidden, Invalid
from node.core.work import UnitOfWork
from node.identity.duties import require
from node.network import sticks
from node.network.upload_route import UploadRoute, require_length
from node.runtime import Node
from sync.bundle_taking import Imported, take_in
from sync.errors import SyncRefusal
from tiers import Role

Text = Annotated[str, Form()]

TEMPLATE = "network/bundle.html"
MEDIA = "application/vnd.wuji.bundle"
_MIB = 1 << 20
_POSTS = (Role.COORDINATOR, Role.CLERK, Role.ADMINISTRATOR)


class _BundleRoute(UploadRoute):
    def admit(self, request: Request) -> None:
        super().admit(request)
        if self.path.endswith("/import"):
            node: Node = request.app.state.node
            limit = node.settings.sync.bundle_mib
            with redisplay(TEMPLATE, **_context(node)):
                require_length(request, mib=limit, too_large=_too_large(limit))


router = APIRouter(prefix="/network/bundle", include_in_schema=False, route_class=_BundleRoute)


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """The two buttons."""
    node: Node = request.app.state.node
    _require_post(uow)
    return page(request, TEMPLATE, **_context(node))


@router.post("/export")
def export_bundle(request: Request, uow: Reading, to: Text = "", receipt: Text = "") -> Response:
    """A bundle to download: what the other lacks, or only how far things are held here."""
    node: Node = request.app.state.node
    _require_post(uow)
    with redisplay(TEMPLATE, **_context(node, to=to)):
        if to not in sticks.correspondents(node):
            raise Invalid("请选择给谁", field="to")
        written = _write(node, to=to, only_receipt=bool(receipt))
    return FileResponse(
        written.path,
        media_type=MEDIA,
        filename=written.path.name,
        background=BackgroundTask(shutil.rmtree, written.path.parent),
    )


@router.post("/import")
def import_bundle(request: Request, uow: Reading, file: UploadFile) -> Response:
    """Take an uploaded bundle in; what came of it, and the receipt to carry back."""
    node: Node = request.app.state.node
    _require_post(uow)
    with redisplay(TEMPLATE, **_context(node)):
        done = _take(node, file)
    house: House = request.app.state.house
    house.after_commit()
    return page(request, TEMPLATE, **_context(node, done=done))


def _take(node: Node, file: UploadFile) -> Imported:
    limit = node.settings.sync.bundle_mib
    if not file.size:
        raise Invalid("请选择数据包文件", field="file")
    if file.size > limit * _MIB:
        raise Invalid(_too_large(limit), field="file")
    try:
        return take_in(node.replica, file.file)
    except SyncRefusal as refusal:
        raise Invalid(refusal.message, field="file") from refusal


def _too_large(limit: int) -> str:
    return f"网页上导入的数据包不能超过 {limit} MB，请由管理员用 wuji bundle import 导入"


def _context(node: Node, *, to: str = "", done: Imported | None = None) -> dict[str, Any]:
    known = sticks.correspondents(node)
    manifest = done.contents.manifest if done else None
    return {
        "choices": [(code, f"{node.places.name(code)}（{code}）") for code in known],
        "to": to or (known[0] if known else ""),
        "limit": node.settings.sync.bundle_mib,
        "done": done,
        "manifest": manifest,
        "written_at": from_iso(manifest.at) if manifest else None,
    }


def may_carry(uow: UnitOfWork) -> bool:
    """Bundles are of the whole node: not for people of a village it hosts."""
    return uow.actor.holds(*_POSTS) and uow.actor.scope == uow.node


def _require_post(uow: UnitOfWork) -> None:
    require(uow, *_POSTS)
    if not may_carry(uow):
        raise Forbidden("数据包由本节点的人员导出和导入；托管村的数据已经在本节点")


def _write(node: Node, *, to: str, only_receipt: bool) -> sticks.Written:
    folder = Path(tempfile.mkdtemp(prefix="wuji-"))
    try:
        return sticks.write_bundle(node, folder, to=to, only_receipt=only_receipt)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, SyncRefusal):
            raise Conflict(error.message) from error
        raise
