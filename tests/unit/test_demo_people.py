"""The demo's people exist nowhere, are the same every time, and their mistakes are all known."""

from collections import Counter
from datetime import date
from importlib.resources import files

import pytest

from node.demo.names import SURNAMES, family_of
from node.demo.people import CARD_PREFIX, PREFIX, VILLAGES, Villager, villagers, with_luhn
from node.demo.roll import (
    DOUBTFUL,
    FIRST_ROW,
    DemoRoll,
    Mistake,
    Planted,
    demo_roll,
    roll_workbook,
)
from node.registry.citizen_number import read_number
from node.registry.roll import TITLES, read_roll, repeated, row_notices, row_problems
from node.registry.rules import (
    Applicant,
    age_on,
    applicant_notices,
    applicant_problems,
    category_rule_problems,
    luhn_holds,
)
from tiers import HENAN

ON = date(2026, 1, 15)
PLACE = "河南省郑州市中牟县韩寺镇"
VILLAGE = "荣庄村委会"
GRADES = {yuan * 100 for yuan in (200, 300, 400, 500, 600, 700, 800, 900, 1000, 2000, 3000, 5000)}


def a_village(index: int = 0, seed: int = 7, count: int = 300) -> list[Villager]:
    return villagers(VILLAGE, place=PLACE, index=index, seed=seed, on=ON, count=count)


def a_roll(seed: int = 7, count: int = 300) -> DemoRoll:
    return demo_roll(VILLAGE, place=PLACE, index=0, seed=seed, on=ON, count=count)


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert a_village() == a_village()
    assert a_village() != a_village(seed=8)


def test_everybody_passes_the_checks_at_the_door_without_a_notice() -> None:
    for person in a_village():
        applicant = Applicant(
            name=person.name,
            citizen_number=person.citizen_number,
            sex=person.sex,
            born_on=person.born_on,
            household_address=person.household_address,
            phone=person.phone,
            bank_card=person.bank_card,
        )
        assert not list(applicant_problems(applicant, on=ON))
        assert not list(
            applicant_notices(applicant, on=ON, known_prefixes={PREFIX}, places=[VILLAGE, "韩寺镇"])
        )


@pytest.mark.parametrize("seed", [*range(12), 2026])
def test_nobody_belongs_to_a_group_their_age_rules_out(seed: int) -> None:
    for index in range(4):
        for person in a_village(index, seed):
            assert not list(category_rule_problems(person.category, person.citizen_number, on=ON))


def test_no_number_can_be_a_living_person_s() -> None:
    table = files("tiers").joinpath(HENAN).read_text("utf-8")
    assert "410122" in {line[:6] for line in table.splitlines()}
    assert PREFIX not in {line[:6] for line in table.splitlines()}
    assert {read_number(p.citizen_number, today=ON).prefix for p in a_village()} == {PREFIX}
    assert all(person.bank_card.startswith(CARD_PREFIX) for person in a_village())


def test_no_two_people_of_a_demo_share_a_number() -> None:
    numbers = [
        person.citizen_number for index in range(VILLAGES) for person in a_village(index, count=500)
    ]
    assert len(set(numbers)) == len(numbers) == VILLAGES * 500


def test_a_village_beyond_the_last_stretch_of_numbers_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="village index"):
        a_village(VILLAGES)


def test_the_first_three_turn_sixty_in_the_year_played_and_have_paid_every_year() -> None:
    first = a_village()[:3]
    assert [ON.year - person.born_on.year for person in first] == [60, 60, 60]
    assert [person.paid_years for person in first] == [14, 14, 14]


def test_ages_are_those_of_a_village() -> None:
    ages = Counter(age_on(person.born_on, ON) // 10 * 10 for person in a_village(count=2_000))
    assert min(ages) == 10
    assert max(ages) <= 90
    assert ages[50] > ages[20]
    assert ages[60] > ages[80]


def test_who_has_turned_sixty_chooses_no_grade_and_most_others_a_low_one() -> None:
    people = a_village(count=1_000)
    assert all((p.grade_fen is None) == (age_on(p.born_on, ON) >= 60) for p in people)
    grades = Counter(p.grade_fen for p in people if p.grade_fen is not None)
    assert grades.most_common(1)[0][0] == 20_000
    assert set(grades) <= GRADES


def test_who_was_sixty_when_the_scheme_began_has_no_account() -> None:
    old = [person for person in a_village(count=1_000) if person.born_on.year <= 1952]
    assert old
    assert all(person.paid_years == 0 and not person.opening for person in old)


def test_a_village_named_after_a_family_is_full_of_it() -> None:
    assert family_of("荣庄村委会") == "荣"
    assert family_of("大李庄村委会") == "李"
    assert family_of("半截楼村委会") is None
    surnames = Counter(person.name[0] for person in a_village())
    assert surnames.most_common(1)[0][0] == "荣"
    assert set(surnames) <= {name[0] for name in SURNAMES}


def test_luhn_is_appended() -> None:
    assert with_luhn("621999000000000001") == "6219990000000000010"
    assert luhn_holds(with_luhn("7992739871"))


@pytest.mark.parametrize("seed", range(5))
def test_the_checks_find_every_planted_mistake_and_nothing_else(seed: int) -> None:
    planted = a_roll(seed=seed)
    rows = read_roll(roll_workbook(planted), filename="花名册.xlsx").rows
    assert len(rows) == len(planted.rows)
    found = [p for row in rows for p in row_problems(row, on=ON, grades=GRADES)]
    found += repeated(rows)
    assert sorted((p.row, p.column) for p in found) == sorted(
        (p.row, p.column) for p in planted.wrong
    )
    noticed = {
        (row.number, TITLES[notice.field])
        for row in rows
        if row.number not in {p.row for p in planted.wrong}
        for notice in row_notices(row, on=ON, known_prefixes={PREFIX}, places=[VILLAGE, "韩寺镇"])
    }
    assert noticed == {(p.row, p.column) for p in planted.doubtful}


def test_every_kind_of_mistake_is_planted_once() -> None:
    roll = a_roll()
    assert Counter(p.mistake for p in roll.wrong) == Counter(set(Mistake) - DOUBTFUL)
    assert Counter(p.mistake for p in roll.doubtful) == Counter(DOUBTFUL)


def test_the_good_rows_are_the_people_in_order() -> None:
    roll = a_roll()
    wrong = {planted.row for planted in roll.wrong}
    rows = read_roll(roll_workbook(roll), filename="花名册.xlsx").rows
    good = [row.applicant() for row in rows if row.number not in wrong]
    assert [(a.name, a.household_address, a.bank_card) for a in good] == [
        (p.name, p.household_address, p.bank_card) for p in roll.people
    ]
    assert len(roll.people) == 300


def test_nothing_on_the_sheet_gives_a_mistake_away() -> None:
    roll = a_roll()
    assert all(set(row) == set(TITLES) for row in roll.rows)
    content = roll_workbook(roll)
    assert content == roll_workbook(a_roll())
    (first,) = read_roll(content, filename="花名册.xlsx").rows[:1]
    assert first.number == FIRST_ROW


def test_a_small_roll_has_its_mistakes_too() -> None:
    roll = a_roll(count=3)
    assert len(roll.people) == 3
    assert roll.doubtful == []
    assert Planted(len(roll.rows) + FIRST_ROW - 1, "公民身份号码", Mistake.REPEATED) in roll.wrong
