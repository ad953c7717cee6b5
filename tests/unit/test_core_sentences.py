"""Sentences with values: Chinese as they are, looked up and filled anew on an English page."""

import copy
import json

import pytest

from node.cases.rules import Action, Hand, Path, Position, State, refusal
from node.core.errors import Conflict, Invalid, Problems
from node.core.i18n import sentence
from node.web import i18n
from tiers import Level


@pytest.fixture
def english() -> object:
    token = i18n.speak(i18n.ENGLISH)
    yield token
    i18n.hush(token)  # type: ignore[arg-type]


def test_a_refusal_fills_its_sentence_from_its_details() -> None:
    refused = Conflict("还差 {years} 年", years=3)
    assert (refused.message, str(refused)) == ("还差 3 年", "还差 3 年")
    assert refused.details == {"years": 3}
    assert json.dumps(refused.message, ensure_ascii=False) == '"还差 3 年"'
    assert copy.deepcopy(refused.message) == "还差 3 年"


@pytest.mark.parametrize("text", ["花括号 {", "{没有这个}", "{0}", "{a.b}", "{} {x}"])
def test_what_is_no_template_stays_as_it_is(text: str) -> None:
    assert Invalid(text, x=1).message == text


def test_values_are_never_templates_themselves() -> None:
    assert sentence("姓名 {name}", name="{x}") == "姓名 {x}"


def test_several_problems_are_counted_and_one_speaks_for_itself() -> None:
    one, two = Invalid("请填写{title}", title="姓名"), Invalid("请勾选")
    assert Problems([one]).message == "请填写姓名"
    assert Problems([one, two]).message == "有 2 处需要改正"


@pytest.mark.usefixtures("english")
def test_an_english_page_reads_sentence_and_values_in_english() -> None:
    position = Position(Path(tuple(Level), Level.VILLAGE), State.FIRST_REVIEW)
    hand = Hand("x", Level.COUNTY, frozenset())
    refused = refusal(Action.FIRST_REVIEW, position, hand)
    assert refused is not None
    told = i18n.gettext(refused.message)
    assert told == "First review: done by Township clerk (Township)"
    closed = refusal(Action.REVIEW, Position(position.path, State.APPROVED), hand)
    assert closed is not None
    assert not any("一" <= letter <= "鿿" for letter in i18n.gettext(closed.message))
