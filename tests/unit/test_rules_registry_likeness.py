"""Somebody known under another number: what makes two entries suspiciously like one person."""

from hypothesis import given
from hypothesis import strategies as st

from node.registry.likeness import SUSPICIOUS, Bearer, likeness, twin_notices
from tests.fixtures.offices import citizen_number

HOME, NEIGHBOUR, FAR = "410122101205", "410122101206", "410122102201"


def bearer(name: str = "赵样本", serial: int = 1, born: str = "19750315", at: str = HOME) -> Bearer:
    return Bearer(name, citizen_number(serial, born=born), at)


ME = bearer()

people = st.builds(
    bearer,
    name=st.sampled_from(["赵样本", "钱样本"]),
    serial=st.integers(1, 999),
    born=st.sampled_from(["19750315", "19760315", "19640229"]),
    at=st.sampled_from([HOME, NEIGHBOUR, FAR]),
)


@given(one=people, other=people)
def test_likeness_is_mutual_and_only_the_same_number_is_certain(one: Bearer, other: Bearer) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert (likeness(one, other) == 100) == (one.citizen_number == other.citizen_number)


def test_name_birth_and_village_together_are_suspicious() -> None:
    assert likeness(ME, bearer(serial=777)) >= SUSPICIOUS
    assert likeness(ME, bearer(serial=777, at=NEIGHBOUR)) >= SUSPICIOUS
    assert likeness(ME, bearer(serial=777, at=FAR)) < SUSPICIOUS


def test_a_mistyped_birth_year_in_one_village_is_suspicious() -> None:
    assert likeness(ME, bearer(born="19760315")) >= SUSPICIOUS
    assert likeness(ME, bearer(born="19640229", serial=777)) < SUSPICIOUS


def test_siblings_of_one_village_are_not_suspected() -> None:
    assert likeness(ME, bearer(name="赵样木", serial=2)) < SUSPICIOUS


def test_the_most_alike_is_named_with_a_masked_number_and_oneself_never() -> None:
    assert not list(twin_notices(ME, [ME]))
    (notice,) = twin_notices(ME, [bearer(serial=777, at=NEIGHBOUR), bearer(serial=778)])
    assert notice.message.startswith("与已参保的赵样本（4101**********")
    assert "相似度 90" in notice.message
    assert ME.citizen_number[6:14] not in notice.message
