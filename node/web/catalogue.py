"""Keeps the English catalogue in step with the sources: `python -m node.web.catalogue`.

Chinese sentences are found where they are written: in templates, every Chinese string inside a
Jinja expression (arguments of macros too, so nobody has to mark them twice); in Python, every
Chinese string that is not a docstring and has no values inside (an f-string cannot be looked up;
it is shown in Chinese). Translations already made are kept; what is no longer used is dropped.
"""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from node.web.i18n import CATALOGUE
from node.web.rendering import NODE, environment, template_folders

ROOT = NODE.parent
CHINESE = re.compile(r"[一-鿿]")
NO_SENTENCE = re.compile(r"\{\d+\}|[\n\\]|\]-|\(\?:|.-[䶿-鿿]")  # lists, patterns
UNTRANSLATED = frozenset(
    {"style.html", "style.py", "catalogue.py", "charts.py", "settings.py", "printed.py"}
)
"""Invented content, this tool, units of numbers, what administrators read in a file, paper."""
ASIDE = ("demo", "cli", "calc")
"""Folders and modules whose words never reach a page."""
HEADER = "# English for the pages. Made by `python -m node.web.catalogue`; write the msgstr lines."
FIXED = datetime(2026, 1, 1, tzinfo=UTC)  # a date that moves would change the file every time

Found = tuple[str | tuple[str, str], str]


def in_templates() -> Iterator[Found]:
    """Chinese strings of every template, with the template's path."""
    env = environment()
    for folder in template_folders():
        for path in sorted(folder.rglob("*.html")):
            if path.name in UNTRANSLATED:
                continue
            tree = env.parse(path.read_text(encoding="utf-8"))
            for text in _constants(tree):
                yield text, str(path.relative_to(ROOT))


def _constants(tree: nodes.Template) -> Iterator[str | tuple[str, str]]:
    plural = set()
    for call in tree.find_all(nodes.Call):
        named = isinstance(call.node, nodes.Name) and call.node.name == "ngettext"
        pair = [one.value for one in call.args[:2] if isinstance(one, nodes.Const)]
        if named and len(pair) == 2:  # noqa: PLR2004  # singular and plural
            plural.update(pair)
            yield (pair[0], pair[1])
    for constant in tree.find_all(nodes.Const):
        value = constant.value
        if isinstance(value, str) and CHINESE.search(value) and value not in plural:
            yield value


def loose_words(template: str) -> list[str]:
    """Chinese that stands in a template outside any expression: nobody can translate it."""
    tree = environment().parse(template)
    return [
        data.data.strip() for data in tree.find_all(nodes.TemplateData) if CHINESE.search(data.data)
    ]


def in_python() -> Iterator[Found]:
    """Chinese strings of Python sources that a page may show."""
    for folder in (NODE, ROOT / "tiers"):
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder).parts
            if path.name in UNTRANSLATED or inside[0].removesuffix(".py") in ASIDE:
                continue
            for text in _shown(ast.parse(path.read_text(encoding="utf-8"))):
                yield text, str(path.relative_to(ROOT))


def _shown(tree: ast.AST) -> Iterator[str | tuple[str, str]]:
    """Every Chinese constant but docstrings, pieces of f-strings and of `ngettext`."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Expr) and not isinstance(
            getattr(node, "value", None), ast.Call | ast.Yield | ast.Await
        ):
            passed.update(id(part) for part in ast.walk(node))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ngettext":
            one, many = (part.value for part in node.args[:2] if isinstance(part, ast.Constant))
            passed.update(id(part) for part in node.args)
            yield (str(one), str(many))
        elif isinstance(node, ast.Constant) and id(node) not in passed:
            text = node.value if isinstance(node.value, str) else ""
            if CHINESE.search(text) and not NO_SENTENCE.search(text):
                yield text


def found() -> Catalog:
    """Every sentence with the files it stands in."""
    catalogue = Catalog(
        locale="en",
        project="wuji",
        version="",
        header_comment=HEADER,
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        fuzzy=False,
        creation_date=FIXED,
    )
    for text, path in (*in_templates(), *in_python()):
        formatted = "python-format" if "%(" in str(text) else ""
        catalogue.add(text, locations=[(path, 0)], flags=[formatted] if formatted else [])
    return catalogue


def known() -> Catalog:
    """The catalogue as it stands in the repository."""
    if not CATALOGUE.exists():
        return Catalog(locale="en")
    with CATALOGUE.open("rb") as po:
        return read_po(po, locale="en")


def update() -> Catalog:
    """Sentences of today with the translations of yesterday, written back to the file."""
    fresh, old = found(), known()
    for message in fresh:
        if message.id and message.id in old:
            message.string = old[message.id].string
    fresh.revision_date = FIXED
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as po:
        write_po(po, fresh, sort_output=True, include_lineno=False, width=100)
    return fresh


def _english(message: Message) -> tuple[str, ...]:
    """Its translations, one for each plural form; "" where there is none."""
    text = message.string
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def untranslated(catalogue: Catalog) -> list[str]:
    """Sentences without English."""
    return [str(message.id) for message in catalogue if message.id and not all(_english(message))]


def main() -> int:
    """Update the file; the exit code says whether something waits for a translator."""
    waiting = untranslated(update())
    for sentence in waiting:
        sys.stdout.write(f"{sentence}\n")
    sys.stdout.write(f"{len(waiting)} 条待译：{CATALOGUE}\n")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
