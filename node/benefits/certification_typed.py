"""The round's form as it is sent: who was ticked, and a photo of some of them (数量不定)."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from node.attachments.imaging import UPLOAD_LARGEST
from node.attachments.service import Prepared, prepare
from node.core.errors import Invalid, Refusal

PHOTO = "photo-"
PHOTOS_MOST = 60
"""Photos of one submission: what a village PC decodes while somebody waits."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What was sent. `photos` are ready to keep, by person; `refusal` says why one is not."""

    people: list[str] = field(default_factory=list)
    certified_on: str = ""
    method: str = ""
    which: str = ""
    photos: dict[str, Prepared] = field(default_factory=dict)
    refusal: Refusal | None = None


async def _ticked(request: Request) -> Ticked:
    """A photo makes its person ticked; decoding needs no transaction."""
    form = await request.form()
    ready: dict[str, Prepared] = {}
    refusal: Refusal | None = None
    for name, file in form.multi_items():
        if not (name.startswith(PHOTO) and isinstance(file, UploadFile) and file.size):
            continue
        if len(ready) == PHOTOS_MOST:
            refusal = Invalid("一次最多上传 {most} 张照片，请分几次上报", most=PHOTOS_MOST)
            break
        upload = await file.read(UPLOAD_LARGEST + 1)
        try:
            ready[name.removeprefix(PHOTO)] = await run_in_threadpool(prepare, upload)
        except Refusal as wrong:
            refusal = wrong
    people = [str(each) for each in form.getlist("people")]
    typed = {name: str(form.get(name, "")) for name in ("certified_on", "method", "which")}
    await form.close()
    return Ticked(list(dict.fromkeys([*people, *ready])), **typed, photos=ready, refusal=refusal)


TickedForm = Annotated[Ticked, Depends(_ticked)]
