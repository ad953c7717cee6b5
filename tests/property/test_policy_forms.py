"""Every kind of bulletin: what is typed is what is said, and a body survives its own form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import Invalid
from node.policy.bodies import BODIES
from node.policy.forms import changes, fields_of, in_words, read_body, typed_values


@st.composite
def grades(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(st.sets(st.integers(0, 10**8), min_size=1, max_size=20))
    return {"grades_fen": sorted(found)}


SHARE = st.integers(0, 10**8)
MADE: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "account_interest_rate": st.fixed_dictionaries(
        {
            "year": st.integers(2009, 2200),
            "rate_ppm": st.integers(0, 200_000),
            "interest_lag_months": st.integers(0, 1),
        }
    ),
    "contribution_grades": grades(),
    "contribution_subsidy": st.fixed_dictionaries(
        {
            "grades": st.lists(
                st.fixed_dictionaries(
                    dict.fromkeys(("grade_fen", "province_fen", "city_fen", "county_fen"), SHARE)
                ),
                min_size=1,
                max_size=10,
            )
        }
    ),
    "base_pension": st.fixed_dictionaries({"monthly_fen": st.integers(0, 10**8)}),
    "public_notice": st.fixed_dictionaries(
        dict.fromkeys(
            ("enrolment", "benefit_claim", "category_grant", "contribution_list"),
            st.integers(0, 60),
        )
    ),
    "payout_divisor": st.fixed_dictionaries({"divisor_months": st.integers(1, 600)}),
}


@pytest.mark.parametrize("kind", MADE)
@given(data=st.data())
def test_a_body_typed_again_is_the_same_body(kind: str, data: st.DataObject) -> None:
    body = BODIES[kind].model_validate(data.draw(MADE[kind]))
    assert read_body(kind, typed_values(body)) == body
    assert changes(body, body) == []


@pytest.mark.parametrize("kind", MADE)
@given(data=st.data())
def test_two_versions_differ_in_words_exactly_when_they_differ(
    kind: str, data: st.DataObject
) -> None:
    old, new = (BODIES[kind].model_validate(data.draw(MADE[kind])) for _ in range(2))
    found = changes(old, new)
    if dict(in_words(old)) != dict(in_words(new)):
        assert found
    assert all(one.before != one.after for one in found)


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_every_kind_has_a_form_with_labels_and_names_what_is_missing(kind: str) -> None:
    fields = fields_of(kind)
    assert fields
    assert all(field.label != field.name for field in fields), "a field without a Chinese label"
    required = [field for field in fields if field.required]
    if required:
        with pytest.raises(Invalid) as problem:
            read_body(kind, {})
        assert problem.value.field == required[0].name


@pytest.mark.parametrize("kind", sorted(BODIES))
@given(text=st.text(max_size=30), data=st.data())
def test_whatever_is_typed_is_a_body_or_a_problem_beside_a_control(
    kind: str, text: str, data: st.DataObject
) -> None:
    names = [field.name for field in fields_of(kind)]
    values = {name: data.draw(st.sampled_from([text, "1", "2026", "2026-01-01"])) for name in names}
    problem = _problem(kind, values)
    assert problem is None or problem.field in names


def _problem(kind: str, values: dict[str, str]) -> Invalid | None:
    try:
        assert in_words(read_body(kind, values))
    except Invalid as refused:
        return refused
    return None


def test_a_line_with_a_missing_share_is_named() -> None:
    with pytest.raises(Invalid, match="第 2 行应有 4 项：档次 省级 市级 县级") as problem:
        read_body("contribution_subsidy", {"grades": "200 15 5 10\n300 20 10"})
    assert problem.value.field == "grades"


def test_a_change_says_before_and_after() -> None:
    old, new = (BODIES["base_pension"].model_validate({"monthly_fen": fen}) for fen in (1, 2))
    (change,) = changes(old, new)
    assert (change.label, change.before, change.after) == ("每月标准（元）", "0.01", "0.02")
