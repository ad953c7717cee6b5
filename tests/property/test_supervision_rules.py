"""A day of uses is sealed so that nothing in it can be changed, dropped or added unseen."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.supervision.rules import GENESIS, Kind, Use, entries_of, head_of, problems_of, seal

COUNTY, DAY = "410122000000", date(2026, 3, 2)
TEXT = st.text("甲乙丙abc1", max_size=4)
USES = st.lists(
    st.builds(
        Use,
        at=st.integers(0, 59).map(lambda minute: f"2026-03-02T01:{minute:02d}:00.000000Z"),
        kind=st.sampled_from([str(kind) for kind in Kind]),
        matter=st.sampled_from(["person", "enrolment"]),
        actor_id=st.sampled_from(["u1", "u2"]),
        actor_name=st.just("某"),
        subject=TEXT,
        what=TEXT,
        reason=TEXT,
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda use: (use.at, use.kind, use.matter, use.actor_id, use.subject),
)


@given(uses=USES, data=st.data())
def test_the_order_of_logs_does_not_matter_and_counts_add_up(
    uses: list[Use], data: st.DataObject
) -> None:
    sealed = seal(COUNTY, DAY, GENESIS, uses)
    assert seal(COUNTY, DAY, GENESIS, data.draw(st.permutations(uses))) == sealed
    assert sum(line["count"] for line in sealed.lines) == sealed.uses == len(uses)


@given(uses=USES, data=st.data())
def test_any_touch_changes_the_root(uses: list[Use], data: st.DataObject) -> None:
    sealed = seal(COUNTY, DAY, GENESIS, uses)
    place = data.draw(st.integers(0, len(uses) - 1))
    touched = [*uses]
    touched[place] = replace(uses[place], what=uses[place].what + "改")
    dropped = uses[:place] + uses[place + 1 :]
    for other in (touched, dropped, [*uses, replace(uses[place], at="2026-03-02T02:00:00Z")]):
        assert seal(COUNTY, DAY, GENESIS, other).root != sealed.root
    assert head_of(COUNTY, DAY, "1" * 64, sealed.root, sealed.lines) != sealed.head
    line = {**sealed.lines[0], "count": sealed.lines[0]["count"] + 1}
    assert head_of(COUNTY, DAY, GENESIS, sealed.root, [line, *sealed.lines[1:]]) != sealed.head


@given(uses=USES, data=st.data())
def test_an_answer_proves_itself_and_no_other(uses: list[Use], data: st.DataObject) -> None:
    sealed = seal(COUNTY, DAY, GENESIS, uses)
    line = data.draw(st.sampled_from(sealed.lines))
    key = (line["actor_id"], line["kind"], line["matter"])
    against = {"root": sealed.root, "uses": sealed.uses, "count": line["count"]}
    entries = entries_of(uses, key)
    assert problems_of(entries, key, **against) == []
    assert problems_of(entries[1:], key, **against)
    changed = [{**entries[0], "reason": "另一个原因"}, *entries[1:]]
    assert problems_of(changed, key, **against)
    assert problems_of([entries[0]] * line["count"], key, **against) or line["count"] == 1
