"""What a browser sends with a form: everything typed, and the pictures chosen.

Pictures are decoded here, before the transaction begins: that takes up to a second, and other
writers should not wait for it.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from node.attachments.imaging import UPLOAD_LARGEST
from node.attachments.service import Prepared, prepare
from node.cases.papers import MOST
from node.core.errors import Refusal


async def typed_form(request: Request) -> dict[str, str]:
    """Everything typed, whatever the matter's fields are."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pictures sent with a form, ready to keep, or why one of them cannot be kept."""

    pictures: tuple[Prepared, ...] = ()
    refusal: Refusal | None = None


async def chosen_pictures(request: Request) -> Chosen:
    """The files of a form that are not empty."""
    form = await request.form()
    files = [one for one in form.getlist("file") if isinstance(one, UploadFile)]
    uploads = [await one.read(UPLOAD_LARGEST + 1) for one in files[:MOST]]
    await form.close()
    try:
        ready = [await run_in_threadpool(prepare, upload) for upload in uploads if upload]
    except Refusal as refusal:
        return Chosen(refusal=refusal)
    return Chosen(tuple(ready))


Typed = Annotated[dict[str, str], Depends(typed_form)]
Pictures = Annotated[Chosen, Depends(chosen_pictures)]
