"""A matter's form: read from what was typed, with Chinese sentences; shown with masks."""

from datetime import date
from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, field_validator

from node.cases.forms import FormField, Shown, fields_of, groups_of, read_form
from node.core.errors import Problems


class Way(StrEnum):
    FACE = "face"
    PHOTO = "photo"

    @property
    def title(self) -> str:  # type: ignore[override]
        return {"face": "当面", "photo": "照片"}[self.value]


class SampleForm(BaseModel):
    number: Annotated[str, Shown("citizen", mask="citizen", group="本人")] = Field(title="号码")
    phone: Annotated[str, Shown(mask="tail", optional=True)] = Field(
        "", title="电话", max_length=11
    )
    way: Annotated[Way, Shown("select")] = Field(Way.FACE, title="方式")
    on: date | None = Field(None, title="日期")
    fen: int | None = Field(None, title="金额")
    agreed: Annotated[bool, Shown("checkbox")] = Field(False, title="同意")
    hidden: Annotated[str, Shown("hidden")] = ""

    @field_validator("fen")
    @classmethod
    def _not_negative(cls, fen: int | None) -> int | None:
        if fen is not None and fen < 0:
            raise ValueError("金额不能为负数")
        return fen


def field(name: str) -> FormField:
    return next(each for each in fields_of(SampleForm) if each.name == name)


def test_what_a_browser_sends_is_read_and_empty_is_not_given() -> None:
    form = read_form(
        SampleForm,
        {
            "number": "1",
            "phone": "",
            "way": "photo",
            "on": "2026-03-01",
            "fen": "200",
            "agreed": "1",
        },
    )
    assert form == SampleForm(number="1", way=Way.PHOTO, on=date(2026, 3, 1), fen=200, agreed=True)


@pytest.mark.parametrize(
    ("typed", "name", "sentence"),
    [
        ({}, "number", "请填写号码"),
        ({"phone": "1" * 12}, "phone", "电话最多 11 个字"),
        ({"way": "mail"}, "way", "方式不在可选范围内，请重新选择"),
        ({"on": "三月一日"}, "on", "日期应写成 2026-03-01 的样子"),
        ({"fen": "二百"}, "fen", "金额应为整数"),
        ({"fen": "-1"}, "fen", "金额不能为负数"),
        ({"agreed": "maybe"}, "agreed", "同意填写有误，请核对"),
    ],
)
def test_what_does_not_fit_is_said_in_chinese_with_its_field(
    typed: dict[str, str], name: str, sentence: str
) -> None:
    with pytest.raises(Problems) as refused:
        read_form(SampleForm, {"number": "1", **typed} if name != "number" else typed)
    assert [(p.field, p.message) for p in refused.value.problems] == [(name, sentence)]


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(Problems) as refused:
        read_form(SampleForm, {"way": "mail", "fen": "x"})
    assert [p.field for p in refused.value.problems] == ["number", "way", "fen"]


def test_fields_nobody_knows_are_passed_over() -> None:
    assert read_form(SampleForm, {"number": "1", "csrf": "x", "do": "submit"}).number == "1"


def test_values_are_shown_in_words_and_masked() -> None:
    assert field("number").words("410199197503150014") == "410199********0014"
    assert field("number").words("410199197503150014", full=True) == "410199197503150014"
    assert field("phone").words("15400000001") == "*******0001"
    assert field("way").words("photo") == "照片"
    assert field("agreed").words(True) == "是"
    assert field("fen").words(None) == ""


def test_hidden_fields_are_in_no_part_of_the_page() -> None:
    groups = dict(groups_of(fields_of(SampleForm)))
    names = [each.name for part in groups.values() for each in part]
    assert "hidden" not in names
    assert [each.name for each in groups["本人"]] == ["number"]


def test_choices_known_only_now_replace_those_of_the_model() -> None:
    fields = fields_of(SampleForm, {"fen": [("20000", "200 元")]})
    fen = next(each for each in fields if each.name == "fen")
    assert fen.words(20_000) == "200 元"
    assert field("way").default == "face"
    assert not field("phone").required
