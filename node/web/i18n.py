"""Two languages: Chinese, which is the source text itself, and English from one .po file.

A village node that nobody reads in English never loads babel (7 MB, 50 ms): the
catalogue is compiled in memory at the first English page.
"""

import contextvars
import io
import threading
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from starlette.requests import Request

from node.core.i18n import Sentence

CATALOGUE = Path(__file__).parent / "locale" / "en" / "LC_MESSAGES" / "wuji.po"
CHINESE, ENGLISH = "zh", "en"
NAMES = {CHINESE: "中文", ENGLISH: "English"}
HTML_LANG = {CHINESE: "zh-CN", ENGLISH: "en"}

_language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default=CHINESE)
_compiling = threading.Lock()


def language() -> str:
    """The language of the page being made."""
    return _language.get()


def speak(code: str) -> contextvars.Token[str]:
    """Make pages in this language until the token is given to `hush`."""
    return _language.set(code if code in NAMES else CHINESE)


def hush(token: contextvars.Token[str]) -> None:
    """Back to the language before `speak`."""
    _language.reset(token)


def language_of(request: Request) -> str:
    """?lang= before the cookie; Chinese when neither names a language we have."""
    for code in (request.query_params.get("lang"), request.cookies.get("lang")):
        if code in NAMES:
            return str(code)
    return CHINESE


@cache
def _compile() -> GNUTranslations:
    from babel.messages.mofile import write_mo  # noqa: PLC0415  # see above
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with CATALOGUE.open("rb") as po:
        catalogue = read_po(po, locale="en")
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _translations() -> NullTranslations:
    if language() == CHINESE:
        return NullTranslations()
    with _compiling:  # once, also when two first readers come together
        return _compile()


def gettext(message: object, **values: object) -> str:
    """The message in the reader's language; `%(name)s` is filled only when values are given.

    Returns plain text, never markup: what comes from a refusal or a person stays escaped.
    """
    if isinstance(message, Sentence):
        filled = {name: _in_words(value) for name, value in message.values.items()}
        return _translations().gettext(message.template).format(**filled)
    source = str(message)
    text = _translations().gettext(source) if source else ""  # "" would be the file's header
    return text % values if values else text


def _in_words(value: object) -> object:
    """A value of a sentence: what is a sentence of ours itself, in the reader's language."""
    if not isinstance(value, str) or not value:
        return value
    if language() == ENGLISH and "、" in value:
        return ", ".join(gettext(part) for part in value.split("、"))
    return gettext(value)


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """As `gettext`, with the plural the language asks for."""
    return _translations().ngettext(one, many, number) % (values or {"n": number})
