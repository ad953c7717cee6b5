"""Laws of region codes and of the authority table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiers import AUTHORITY, Grant, Level, RegionCode, RegionError, Travel, refusal

WIDTHS = (2, 2, 2, 3, 3)


@st.composite
def codes(draw: st.DrawFn, within: RegionCode | None = None) -> RegionCode:
    """Any region code, or any inside a region. Few digits, so that relatives are common."""
    depth = draw(st.integers(within.level.rank if within else 0, 4))
    given_blocks = within.level.rank + 1 if within else 0
    blocks = [
        str(draw(st.integers(1, 3))).zfill(width) for width in WIDTHS[given_blocks : depth + 1]
    ]
    return RegionCode(((within.prefix if within else "") + "".join(blocks)).ljust(12, "0"))


regions = codes()


@given(text=st.text(alphabet="0123456789", min_size=12, max_size=12))
def test_twelve_digits_are_a_code_exactly_when_no_block_follows_a_block_of_zeros(
    text: str,
) -> None:
    blocks = [text[0:2], text[2:4], text[4:6], text[6:9], text[9:12]]
    spoken = [block.strip("0") != "" for block in blocks]
    if spoken[0] and sorted(spoken, reverse=True) == spoken:
        assert RegionCode(text).level.rank == sum(spoken) - 1
    else:
        with pytest.raises(RegionError):
            RegionCode(text)


@given(code=regions)
def test_the_parent_contains_its_child_and_stands_one_level_up(code: RegionCode) -> None:
    if code.parent is None:
        assert code.level is Level.PROVINCE
    else:
        assert code.parent.contains(code)
        assert not code.contains(code.parent)
        assert code.parent.level.rank == code.level.rank - 1


@given(code=regions)
def test_ancestors_are_the_parent_and_its_ancestors(code: RegionCode) -> None:
    expected = () if code.parent is None else (code.parent, *code.parent.ancestors)
    assert code.ancestors == expected


@given(a=regions, b=regions)
def test_one_contains_another_exactly_when_it_is_the_same_or_an_ancestor(
    a: RegionCode, b: RegionCode
) -> None:
    assert a.contains(b) == (a == b or a in b.ancestors)


@given(a=regions, b=regions, c=regions)
def test_containing_is_an_order(a: RegionCode, b: RegionCode, c: RegionCode) -> None:
    assert a.contains(a)
    if a.contains(b) and b.contains(a):
        assert a == b
    if a.contains(b) and b.contains(c):
        assert a.contains(c)


@given(code=regions, level=st.sampled_from(Level))
def test_a_code_at_a_level_is_itself_or_the_ancestor_there(code: RegionCode, level: Level) -> None:
    there = {region.level: region for region in (code, *code.ancestors)}
    assert code.at(level) == there.get(level)


types = st.sampled_from(sorted(AUTHORITY))
routes = st.one_of(
    st.sampled_from(["up/county", "up/province", "down/all"]),
    regions.map(lambda code: f"down/{code}"),
    regions.map(lambda code: f"to/{code}"),
)


@given(author=regions, record_type=types, route=routes, region=regions)
def test_nothing_is_allowed_outside_the_authors_own_region_or_level(
    author: RegionCode, record_type: str, route: str, region: RegionCode
) -> None:
    if refusal(author, record_type, route, region) is None:
        assert author.contains(region)
        assert author.level in AUTHORITY[record_type].authors
        assert route.startswith("up/") or route == "down/all" or author.contains(route[5:])


@given(data=st.data(), author=regions, grant=st.sampled_from(list(AUTHORITY.values())))
def test_a_granted_level_may_always_write_of_what_lies_inside_its_region(
    data: st.DataObject, author: RegionCode, grant: Grant
) -> None:

    region = data.draw(codes(within=author))
    for travel in grant.travels:
        route = f"down/{region}" if travel is Travel.DOWN_REGION else str(travel)
        reason = refusal(author, grant.record_type, route, region)
        assert (reason is None) == (author.level in grant.authors)


@given(author=regions, record_type=types, region=regions)
def test_authority_over_a_region_is_authority_over_everything_inside_it(
    author: RegionCode, record_type: str, region: RegionCode
) -> None:
    if region.parent and refusal(author, record_type, "up/province", region.parent) is None:
        assert refusal(author, record_type, "up/province", region) is None


@given(
    author=st.text(max_size=14),
    record_type=types,
    route=st.text(max_size=20),
    region=st.text(max_size=14),
)
def test_any_text_gets_an_answer(author: str, record_type: str, route: str, region: str) -> None:
    assert refusal(author, record_type, route, region)
