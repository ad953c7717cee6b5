"""English stands beside every sentence of the catalogue."""

import ast
import re

from node.web import catalogue, i18n

PLACE = re.compile(r"%\((\w+)\)s")


def test_every_sentence_has_its_english_and_none_is_a_guess() -> None:
    known = catalogue.known()
    assert len(known) > 60
    assert catalogue.untranslated(known) == []
    assert [message.id for message in known if message.id and message.fuzzy] == []


def test_places_to_fill_are_the_same_in_both_languages() -> None:
    for message in catalogue.known():
        pair = isinstance(message.id, tuple)
        sources = message.id if pair else (message.id,)
        targets = message.string if pair else (message.string,)
        if message.id and message.string:
            wanted = set(PLACE.findall(sources[0]))
            assert all(set(PLACE.findall(text)) == wanted for text in targets), message.id


def test_the_catalogue_holds_every_sentence_of_the_house() -> None:
    known = catalogue.known()
    ours = {text for text, path in catalogue.in_templates() if path.startswith("node/web/")}
    assert [text for text in ours if text not in known] == []


def test_sentences_in_python_are_found_but_not_docstrings_and_not_pieces() -> None:
    source = '''
"""模块说明"""
title = "标题"
raise Invalid("不能晚于今天", field="died_on")
raise Conflict(f"已有 {n} 件")
text = ngettext("%(n)s 件", "%(n)s 件", n)
'''
    found = set(catalogue._shown(ast.parse(source)))
    assert found == {"标题", "不能晚于今天", ("%(n)s 件", "%(n)s 件")}


def test_words_outside_an_expression_are_reported() -> None:
    page = "{# 注释 #}<p>{{ _('可译') }}</p><p>漏译</p>"
    assert catalogue.loose_words(page) == ["</p><p>漏译</p>"]


def test_chinese_never_loads_the_catalogue() -> None:
    i18n._compile.cache_clear()
    assert i18n.gettext("退出") == "退出"
    assert i18n._compile.cache_info().currsize == 0


def test_an_unknown_sentence_stays_chinese_for_an_english_reader() -> None:
    token = i18n.speak("en")
    try:
        assert i18n.gettext("退出") == "Sign out"
        assert i18n.gettext("没有译文的一句话") == "没有译文的一句话"
        assert i18n.gettext("") == ""
    finally:
        i18n.hush(token)
