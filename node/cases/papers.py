"""Photos and scans of a case (附件): named by hash in the case, kept and sent by `attachments`.

A form collects them in its draft. Submitting moves the list into the case, and the pictures follow
it when nothing else waits on the line.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, select

from node.attachments import service as pictures
from node.attachments.service import Prepared
from node.cases.models import Case, Draft
from node.core.errors import Invalid, NotFound
from node.core.work import UnitOfWork
from tiers import RegionCode

KINDS: Mapping[str, str] = {
    "identity": "身份证",
    "household": "户口簿",
    "application": "申请表（签字或手印）",
    "certificate": "证明材料",
    "other": "其他",
}
MOST = 12
"""Pictures of one case."""
NEEDED = "这项业务须上传证明材料的照片或扫描件"

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Paper:
    """One picture of a case."""

    hash: str
    kind: str
    size: int

    @property
    def title(self) -> str:
        return KINDS.get(self.kind, KINDS["other"])


def read_papers(text: str) -> list[Paper]:
    """The pictures, from how a case or a draft keeps them."""
    return [Paper(**one) for one in json.loads(text)] if text else []


def papers_text(papers: Sequence[Paper]) -> str:
    """The pictures, as a case or a draft keeps them."""
    return json.dumps([asdict(one) for one in papers]) if papers else ""


def papers_from(plain: Any) -> list[Paper]:
    """The pictures a record names.

    Raises:
        ValueError: it is no list of pictures, or one of too many.
    """
    if not isinstance(plain, list) or len(plain) > MOST:
        raise ValueError("no list of pictures")
    papers = [Paper(str(one["hash"]), str(one["kind"]), int(one["size"])) for one in plain]
    if not all(_HASH.fullmatch(one.hash) for one in papers):
        raise ValueError("no hash")
    return papers


def attach(uow: UnitOfWork, draft: Draft, prepared: Iterable[Prepared], *, kind: str) -> None:
    """Add pictures to a draft; one that is there already is left as it is.

    Raises:
        Invalid: there are too many, or the kind is none.
    """
    if kind not in KINDS:
        raise Invalid("请选择附件的种类", field="kind")
    papers = {one.hash: one for one in read_papers(draft.attachments)}
    for picture in prepared:
        pictures.keep(uow, picture)
        papers.setdefault(picture.hash, Paper(picture.hash, kind, len(picture.content)))
    if len(papers) > MOST:
        raise Invalid("一件业务最多 12 张附件", field="file")
    draft.attachments = papers_text(list(papers.values()))
    uow.session.add(draft)


def keep_all(uow: UnitOfWork, prepared: Iterable[Prepared], *, kind: str) -> str:
    """Keep pictures for a case that is entered without a draft; how the case names them."""
    papers: dict[str, Paper] = {}
    for picture in prepared:
        pictures.keep(uow, picture)
        papers[picture.hash] = Paper(picture.hash, kind, len(picture.content))
    return papers_text(list(papers.values()))


def detach(uow: UnitOfWork, draft: Draft, digest: str) -> None:
    """Take a picture out of a draft; it is dropped unless something else names it."""
    left = [one for one in read_papers(draft.attachments) if one.hash != digest]
    draft.attachments = papers_text(left)
    uow.session.add(draft)
    uow.session.flush()
    drop_unnamed(uow, [digest])


def drop_unnamed(uow: UnitOfWork, digests: Sequence[str]) -> None:
    """Forget pictures that were never sent and that no draft names any more."""
    named = uow.session.exec(select(Draft.attachments).where(Draft.attachments != "")).all()
    pictures.forget(uow, [one for one in digests if not any(one in text for text in named)])


def send(uow: UnitOfWork, text: str, *, village: str) -> None:
    """Let the pictures follow their case."""
    papers = read_papers(text)
    if papers:
        pictures.send(uow, [one.hash for one in papers], region=RegionCode(village))


def named_by(thing: Case | Draft, digest: str) -> Paper:
    """A picture that a case or a draft names.

    Raises:
        NotFound: it names no such picture.
    """
    found = next((one for one in read_papers(thing.attachments) if one.hash == digest), None)
    if found is None:
        raise NotFound("没有这张附件")
    return found


def shown(uow: UnitOfWork, thing: Case | Draft | None, *, place: str) -> list[dict[str, Any]]:
    """The pictures for a page: kind, size, where they are read, and whether they are here yet."""
    papers = read_papers(thing.attachments) if thing else []
    here = pictures.present(uow, [one.hash for one in papers])
    return [
        {
            "hash": one.hash,
            "title": one.title,
            "kilobytes": -(-one.size // 1024),
            "here": one.hash in here,
            "href": f"{place}/attachments/{one.hash}",
        }
        for one in papers
    ]


def draft_with(uow: UnitOfWork, draft_id: str) -> Draft | None:
    """The actor's draft of this id, if there is one."""
    statement = select(Draft).where(col(Draft.id) == draft_id, Draft.owner == uow.actor.id)
    return uow.session.exec(statement).first()
