"""What holds for every template of the house, whichever capability it belongs to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from node.web.catalogue import loose_words
from node.web.headers import STATIC
from node.web.rendering import environment, template_folders

COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
INLINE = re.compile(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]{4,}=['\"]|javascript:")
CLASSES = re.compile(r'class="([^"{}]*)"')
POST = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)

PAGES = [path for folder in template_folders() for path in sorted(folder.rglob("*.html"))]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.fixture(scope="module")
def env() -> Environment:
    return environment()


@pytest.fixture(params=PAGES, ids=named)
def source(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def macro_calls(tree: nodes.Template) -> Iterator[tuple[str, nodes.Call]]:
    for call in tree.find_all(nodes.Call):
        target = call.node
        if isinstance(target, nodes.Getattr) and getattr(target.node, "name", "") == "ui":
            yield target.attr, call


def test_a_template_compiles_and_names_only_filters_and_macros_there_are(
    env: Environment, source: str
) -> None:
    tree = env.parse(source)
    own = {"place", "place_path"}  # the application adds these: they need the node's divisions
    assert {one.name for one in tree.find_all(nodes.Filter)} <= env.filters.keys() | own
    ui = env.get_template("components.html").module
    for name, call in macro_calls(tree):
        macro = getattr(ui, name)
        assert len(call.args) <= len(macro.arguments), name
        assert {given.key for given in call.kwargs} <= set(macro.arguments), name


def test_no_template_holds_inline_style_or_script(source: str) -> None:
    assert not INLINE.search(source)


def test_every_class_is_in_our_style_sheet(source: str) -> None:
    css = (STATIC / "wuji.css").read_text(encoding="utf-8")
    known = set(re.findall(r"\.([a-z][a-z0-9-]*)", css))
    assert {name for found in CLASSES.findall(source) for name in found.split()} <= known


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != "style.html"], ids=named)
def test_every_word_can_be_translated(path: Path) -> None:
    assert loose_words(path.read_text(encoding="utf-8")) == []


def test_every_post_carries_the_token(source: str) -> None:
    for form in POST.findall(source):
        assert "csrf()" in form


def test_links_and_pictures_stay_in_the_house(source: str) -> None:
    assert not re.search(r"""(?:href|src|action)=["']?(?:https?:)?//""", source)
