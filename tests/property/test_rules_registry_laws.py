"""What MOD 11-2 promises for citizen numbers, and Luhn for cards."""

from calendar import isleap
from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from node.demo.people import citizen_number, with_luhn
from node.registry.citizen_number import check_character, normal_number, number_problems
from node.registry.rules import age_on, born_by, luhn_holds, name_problems

TODAY = date(2026, 1, 15)

born = st.dates(date(1900, 1, 1), TODAY)
numbers = st.builds(citizen_number, born, st.integers(1, 999))
places = st.integers(0, 16)


def holds(number: str) -> bool:
    return check_character(number[:17]) == number[17]


@given(number=numbers)
def test_a_number_that_was_made_is_accepted(number: str) -> None:
    assert not list(number_problems(number, today=TODAY))


@given(number=numbers, place=places, digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_never_passes(number: str, place: int, digit: str) -> None:
    assume(digit != number[place])
    assert not holds(number[:place] + digit + number[place + 1 :])


@given(number=numbers, character=st.sampled_from("0123456789X"))
def test_a_wrong_check_character_never_passes(number: str, character: str) -> None:
    assert holds(number[:17] + character) == (character == number[17])


@given(number=numbers, place=places)
def test_two_neighbours_changed_about_never_pass(number: str, place: int) -> None:
    """Also with the check character, unless it is X: a capital X cannot stand before the end."""
    left, right = number[place], number[place + 1]
    assume(right not in (left, "X"))
    assert not holds(number[:place] + right + left + number[place + 2 :])


@given(number=numbers.filter(lambda number: number[6:8] == "19"))
def test_fifteen_digits_come_back_as_the_eighteen_they_were(number: str) -> None:
    assert normal_number(number[:6] + number[8:17]) == number


@given(number=numbers, blanks=st.lists(st.integers(0, 17), max_size=4))
def test_blanks_and_small_letters_change_nothing(number: str, blanks: list[int]) -> None:
    typed = number.lower()
    for place in blanks:
        typed = typed[:place] + "　" + typed[place:]
    assert normal_number(typed) == number


@given(text=st.text(max_size=30))
def test_whatever_is_typed_is_answered_and_never_breaks(text: str) -> None:
    for problem in [*number_problems(text, today=TODAY), *name_problems(text)]:
        assert problem.message
        assert problem.field


@given(digits=st.text("0123456789", min_size=8, max_size=18), place=st.integers(0, 18))
def test_luhn_finds_one_wrong_digit(digits: str, place: int) -> None:
    card = with_luhn(digits)
    assert luhn_holds(card)
    place %= len(card)
    wrong = str((int(card[place]) + 1) % 10)
    assert not luhn_holds(card[:place] + wrong + card[place + 1 :])


@given(born_on=born, on=st.dates(TODAY, date(2100, 1, 1)))
def test_a_person_grows_a_year_older_on_the_birthday_and_on_no_other_day(
    born_on: date, on: date
) -> None:
    tomorrow = on + timedelta(days=1)
    leap_born = (born_on.month, born_on.day) == (2, 29)
    keeps_1_march = leap_born and not isleap(tomorrow.year)
    birthday = (3, 1) if keeps_1_march else (born_on.month, born_on.day)
    older = age_on(born_on, tomorrow) - age_on(born_on, on)
    assert older == ((tomorrow.month, tomorrow.day) == birthday)


@given(on=st.dates(date(2000, 1, 1), date(2100, 12, 31)), age=st.integers(0, 99))
def test_the_latest_birth_date_of_an_age_has_reached_it_and_the_next_day_has_not(
    on: date, age: int
) -> None:
    latest = born_by(on, age)
    assert age_on(latest, on) >= age
    assert age_on(latest + timedelta(1), on) < age
