"""One bad record neither stops a stream nor vanishes: quarantine, waiting, parking."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from sync import Arrived, Handler, NothingHeld, Refused
from tests.scenario.sync_tree import (
    COUNTY,
    HANDLERS,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    give,
    put_facts,
    step_facts,
)

STEP = "x.step"


@pytest.fixture
def pair(tree: Tree) -> tuple[Place, Place]:
    tree.grow(PROVINCE, VILLAGE)
    return tree[VILLAGE], tree[PROVINCE]


def test_a_bad_record_is_set_aside_and_the_others_are_applied(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, province = pair
    village.write("up/province", *(fact(f"f{n}", n if n != 50 else -1) for n in range(100)))

    tree.sync()

    assert len(province.facts()) == 99
    assert province.held() == [("f50", "refused")]
    assert [(one.record.key, one.reason) for one in province.notices] == [("f50", "数目不能为负")]


def test_a_bad_record_that_the_handler_does_not_name_is_found_by_halving(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, province = pair
    village.write("up/province", *(fact(f"f{n}", 0) for n in range(40)))
    tree.sync()
    steps = [fact(f"f{n}", -1 if n in {7, 31} else n, kind=STEP) for n in range(40)]
    village.write("up/province", *steps)

    tree.sync()

    assert province.held() == [("f7", "refused"), ("f31", "refused")]
    assert province.facts() == {f"f{n}": 0 if n in {7, 31} else n for n in range(40)}
    assert {notice.reason for notice in province.notices} == {"ValueError: 负数"}


def test_later_records_about_the_same_key_wait_behind_a_bad_one_in_order(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, province = pair
    village.write("up/province", fact("a", -1), fact("a", 1), fact("b", 2))
    tree.sync()
    village.write("up/province", fact("a", 5), fact("c", 3))
    tree.sync()

    assert province.facts() == {"b": 2, "c": 3}
    assert province.held() == [("a", "refused"), ("a", "behind"), ("a", "behind")]

    refused = province.replica.held_records()[0]
    province.replica.reject(refused.id, by="county/li", note="数目写错")

    assert province.facts() == {"a": 5, "b": 2, "c": 3}
    assert [(key, n) for key, _, n in province.diary()] == [("b", 2), ("c", 3), ("a", 1), ("a", 5)]
    assert province.held() == []
    told = province.notices[-1]
    assert (told.decision, told.decided_by, told.note) == ("rejected", "county/li", "数目写错")


def test_a_released_record_is_tried_again_and_only_then_counts_as_decided(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, province = pair
    village.write("up/province", fact("a", -1), fact("a", 1))
    tree.sync()
    refused = province.replica.held_records()[0]

    with pytest.raises(Refused, match="不能为负"):
        province.replica.release(refused.id, by="li")
    assert province.held() == [("a", "refused"), ("a", "behind")]

    mended = Handler(1, _put_absolute)
    province = tree.upgrade(PROVINCE, {**HANDLERS, "x.fact": mended})
    province.replica.release(refused.id, by="li", note="规则已改")

    assert province.facts() == {"a": 1}
    assert province.diary() == [("a", "x.fact", 1), ("a", "x.fact", 1)]
    with pytest.raises(NothingHeld):
        province.replica.release(refused.id, by="li")


def _put_absolute(connection: Connection, arrived: Sequence[Arrived]) -> None:
    positive = [
        one._replace(record=one.record._replace(body={"n": abs(one.record.body["n"])}))
        for one in arrived
    ]
    put_facts(connection, positive)


def test_an_effect_that_comes_before_its_cause_waits_for_it(tree: Tree) -> None:
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    village, township, province = tree[VILLAGE], tree[TOWNSHIP], tree[PROVINCE]
    village.write("up/province", fact("case", 1))
    village.replica.seal()
    give(village, township, village.segments())
    township.write("up/province", fact("case", 10, kind=STEP))
    township.replica.seal()
    cause, effect = township.segments()

    give(township, province, [effect])
    assert province.held() == [("case", "waiting")]
    assert province.notices == []

    give(township, province, [cause])
    assert province.facts() == {"case": 11}
    assert province.held() == []


def test_a_cause_about_another_key_is_found_too(tree: Tree) -> None:
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    village, township, province = tree[VILLAGE], tree[TOWNSHIP], tree[PROVINCE]
    village.write("up/province", fact("person", 1))
    village.replica.seal()
    give(village, township, village.segments())
    township.write("up/province", fact("step-1", 10, kind=STEP, of="person"))
    township.write("up/province", fact("step-1", 100, kind=STEP, of="person"))
    township.replica.seal()
    cause, effect = township.segments()

    give(township, province, [effect])
    assert province.held() == [("step-1", "waiting"), ("step-1", "behind")]
    give(township, province, [cause])

    assert province.facts() == {"person": 111}
    assert province.held() == []


def test_waiting_holds_up_nothing_that_comes_by_another_stream(tree: Tree) -> None:
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    township, village, province = tree[TOWNSHIP], tree[VILLAGE], tree[PROVINCE]
    township.write("up/province", fact("case", 10, kind=STEP), fact("other", 1))
    township.replica.seal()
    give(township, province, township.segments())
    assert (province.facts(), province.held()) == ({"other": 1}, [("case", "waiting")])

    village.write("up/province", fact("case", 1))
    tree.sync()

    assert province.facts() == {"other": 1, "case": 11}


def test_what_this_program_does_not_know_is_parked_and_passed_on(tree: Tree) -> None:
    new = {**HANDLERS, "x.photo": Handler(1, put_facts)}
    tree.grow(PROVINCE, handlers=new)
    tree.grow(COUNTY)
    tree.grow(VILLAGE, handlers=new)
    tree[VILLAGE].write("up/province", fact("p", 1, kind="x.photo"), fact("p", 2))

    tree.sync()

    assert tree[PROVINCE].diary() == [("p", "x.fact", 1), ("p", "x.fact", 2)]
    assert tree[COUNTY].facts() == {"p": 2}
    assert tree[COUNTY].held() == [("p", "unknown")]

    county = tree.upgrade(COUNTY, new)
    assert county.replica.retry_parked() == 1
    assert county.held() == []


def test_a_newer_version_is_parked_and_everything_about_its_key_waits_in_order(tree: Tree) -> None:
    newer = {**HANDLERS, "x.step": Handler(2, step_facts, upcasts={1: dict})}
    tree.grow(PROVINCE, handlers=newer)
    tree.grow(COUNTY)
    tree.grow(VILLAGE, handlers=newer)
    village = tree[VILLAGE]
    village.write("up/province", fact("a", 1), fact("b", 1))
    village.write("up/province", fact("a", 10, kind=STEP, version=2))
    village.write("up/province", fact("a", 5), fact("b", 7))
    tree.sync()

    county = tree[COUNTY]
    assert county.facts() == {"a": 1, "b": 7}
    assert county.held() == [("a", "newer"), ("a", "behind")]
    assert tree[PROVINCE].facts() == {"a": 5, "b": 7}

    county = tree.upgrade(COUNTY, newer)
    assert county.replica.retry_parked() == 2
    assert county.facts() == tree[PROVINCE].facts()
    assert [(key, n) for key, _, n in county.diary() if key == "a"] == [
        ("a", 1),
        ("a", 10),
        ("a", 5),
    ]


def test_an_old_version_is_upcast_step_by_step(tree: Tree) -> None:
    upcasts = {
        1: lambda body: {"count": body["n"]},
        2: lambda body: {"n": body["count"] * 100},
    }
    tree.grow(PROVINCE, handlers={**HANDLERS, "x.fact": Handler(3, put_facts, upcasts=upcasts)})
    tree.grow(VILLAGE)
    tree[VILLAGE].write("up/province", fact("a", 3), fact("b", 4, version=3))

    tree.sync()

    assert tree[PROVINCE].facts() == {"a": 300, "b": 4}


def test_an_old_version_without_an_upcast_is_set_aside(tree: Tree) -> None:
    tree.grow(PROVINCE, handlers={**HANDLERS, "x.fact": Handler(2, put_facts)})
    tree.grow(VILLAGE)
    tree[VILLAGE].write("up/province", fact("a", 3), fact("b", 4, version=2))

    tree.sync()

    assert tree[PROVINCE].facts() == {"b": 4}
    assert tree[PROVINCE].held() == [("a", "refused")]


def test_records_of_one_type_in_a_row_are_one_call(tree: Tree, pair: tuple[Place, Place]) -> None:
    village, province = pair
    village.write("up/province", *(fact(f"f{n}", n) for n in range(50)))
    tree.sync()

    assert set(province.calls()) == {50}


def test_independent_types_are_gathered_and_others_keep_their_place(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, province = pair
    for n in range(3):
        village.write("up/province", fact(f"f{n}", n), fact(f"f{n}", 10, kind=STEP))
    tree.sync()

    kinds = [kind for _, kind, _ in province.diary()]
    assert kinds == ["x.fact", "x.step"] * 3
    assert province.facts() == {"f0": 10, "f1": 11, "f2": 12}

    both = {
        "x.fact": Handler(1, put_facts, independent=True),
        "x.secret": Handler(1, put_facts, independent=True),
    }
    tree.upgrade(PROVINCE, both)
    for n in range(3):
        village.write("up/province", fact(f"g{n}", n), fact(f"h{n}", n))
    tree.sync()
    assert province.calls()[-6:] == [6] * 6


def test_a_broken_database_holds_nothing_and_moves_nothing(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    """A table that a migration has yet to make is not the record's fault."""
    village, province = pair

    def no_such_table(connection: Connection, _arrived: Sequence[Arrived]) -> None:
        connection.exec_driver_sql("INSERT INTO not_there VALUES (1)")

    broken = tree.upgrade(PROVINCE, {**HANDLERS, "x.fact": Handler(1, no_such_table)})
    village.write("up/province", fact("a", 1))
    village.replica.seal()

    with pytest.raises(Exception, match="not_there"):
        give(village, broken, village.segments())
    assert (broken.held(), broken.segments()) == ([], [])

    tree.upgrade(PROVINCE, HANDLERS)
    tree.sync()
    assert province.facts() == {"a": 1}
