"""Checks at the door: what is refused, what is only pointed out, and in which words."""

from collections.abc import Iterable
from datetime import date

import pytest

from node.core.errors import Invalid, Problems
from node.registry.citizen_number import (
    Sex,
    check_character,
    normal_number,
    number_notices,
    number_problems,
    read_number,
    upgrade,
)
from node.registry.codes import (
    ETHNICITIES,
    Category,
    ethnicity_code,
    read_category,
    read_ethnicity,
)
from node.registry.rules import (
    Applicant,
    address_notices,
    age_on,
    age_problems,
    applicant_notices,
    applicant_problems,
    birth_problems,
    card_notices,
    card_problems,
    grade_problems,
    luhn_holds,
    name_problems,
    normal_name,
    phone_notices,
    phone_problems,
    place_stem,
    sex_problems,
)

TODAY = date(2026, 1, 15)
NUMBER = "419099195308200017"
FEMALE_1965 = "419099196503150021"


def messages(found: Iterable[Invalid]) -> list[str]:
    return [problem.message for problem in found]


@pytest.mark.parametrize(
    ("first17", "check"),
    [
        ("11010519491231002", "X"),  # the standard's own example
        ("41909919530820001", "7"),
        ("41909919530820004", "1"),
        ("41909919650315002", "1"),
        ("41900119000101001", "8"),
        ("41909919800229003", "3"),
        ("41912219990101005", "4"),
    ],
)
def test_the_check_character_is_the_standard_s(first17: str, check: str) -> None:
    assert check_character(first17) == check
    assert not list(number_problems(first17 + check, today=TODAY))


def test_a_number_says_when_and_of_which_sex() -> None:
    number = read_number(FEMALE_1965, today=TODAY)
    assert (number.born_on, number.sex, number.prefix) == (date(1965, 3, 15), Sex.FEMALE, "419099")
    assert read_number(NUMBER, today=TODAY).sex is Sex.MALE


@pytest.mark.parametrize(
    "typed",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "'11010519491231002X",
        "\u200b11010519491231002X\u202c",
        "11010519491231002Ⅹ",
    ],
)
def test_a_number_is_stored_one_way_however_it_is_typed(typed: str) -> None:
    assert normal_number(typed) == "11010519491231002X"
    assert not read_number(typed, today=TODAY).upgraded


def test_a_number_of_fifteen_is_upgraded_and_shown_for_confirmation() -> None:
    assert upgrade("419099530820001") == NUMBER
    number = read_number("419099530820001", today=TODAY)
    assert (number.text, number.upgraded) == (NUMBER, True)
    (notice,) = number_notices(number, known_prefixes={"419099"})
    assert NUMBER in notice.message


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "请填写公民身份号码"),
        ("　", "请填写公民身份号码"),
        ("41909919530820001", "公民身份号码应为 18 位，现为 17 位"),
        ("4190991953082000177", "公民身份号码应为 18 位，现为 19 位"),
        ("41909919530820O017", "前 17 位应为数字"),
        ("4190991953082000١7", "前 17 位应为数字"),
        ("419099195308200018", "校验位不符"),
        ("41909919810229003" + check_character("41909919810229003"), "1981-02-29 不存在"),
        ("41909920260116001" + check_character("41909920260116001"), "晚于今天"),
        ("41909918991231001" + check_character("41909918991231001"), "早于 1900 年"),
        ("41909900000101001" + check_character("41909900000101001"), "不存在"),
    ],
)
def test_a_number_that_cannot_be_is_refused_in_plain_words(typed: str, says: str) -> None:
    (problem,) = number_problems(typed, today=TODAY)
    assert says in problem.message
    assert problem.field == "citizen_number"
    with pytest.raises(Problems):
        read_number(typed, today=TODAY)


def test_a_wrong_date_and_a_wrong_check_are_both_said() -> None:
    wrong = "41909919810229003" + ("0" if check_character("41909919810229003") != "0" else "1")
    assert len(list(number_problems(wrong, today=TODAY))) == 2


def test_born_today_is_not_in_the_future() -> None:
    first17 = "41909920260115001"
    assert not list(number_problems(first17 + check_character(first17), today=TODAY))


def test_an_unknown_prefix_is_pointed_out_and_not_refused() -> None:
    number = read_number(NUMBER, today=TODAY)
    assert not list(number_notices(number, known_prefixes={"419099"}))
    (notice,) = number_notices(number, known_prefixes={"410122"})
    assert "419099" in notice.message


@pytest.mark.parametrize(
    "name",
    ["王芳", "欧阳建国", "阿卜杜拉·买买提", "〇一", "㐀㐁", "𠮷野", "买买提•阿不都", "张 三"],
)
def test_a_chinese_name_is_accepted(name: str) -> None:
    assert not list(name_problems(name))


def test_dots_of_every_kind_are_stored_as_one() -> None:
    assert {normal_name(f"买买提{dot}阿里") for dot in "·•・‧．."} == {"买买提·阿里"}
    assert normal_name(" 张　三\u200b ") == "张三"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "请填写姓名"),
        ("  ", "请填写姓名"),
        ("王", "2 至 50 个字"),
        ("王" * 51, "2 至 50 个字"),
        ("王芳1", "只能用汉字"),
        ("Wang Fang", "只能用汉字"),
        ("王芳（女）", "只能用汉字"),
        ("·王芳", "只能用汉字"),
        ("买买提··阿里", "只能用汉字"),
        ("王\ue83a", "生僻字"),
    ],
)
def test_what_is_no_name_is_refused(name: str, says: str) -> None:
    (problem,) = name_problems(name)
    assert says in problem.message
    assert problem.field == "name"


def test_sex_and_birth_must_agree_with_the_number() -> None:
    number = read_number(FEMALE_1965, today=TODAY)
    assert messages(sex_problems("男", number)) == ["性别与公民身份号码不符：号码显示为女"]
    assert messages(birth_problems(date(1965, 3, 16), number)) == [
        "出生日期与公民身份号码不符：号码显示为 1965-03-15"
    ]
    assert not [*sex_problems("女", number), *sex_problems("", number)]
    assert not [*birth_problems(date(1965, 3, 15), number), *birth_problems(None, number)]


@pytest.mark.parametrize(
    ("born_on", "on", "age"),
    [
        (date(1966, 3, 15), date(2026, 3, 14), 59),
        (date(1966, 3, 15), date(2026, 3, 15), 60),
        (date(2008, 2, 29), date(2025, 2, 28), 16),
        (date(2008, 2, 29), date(2025, 3, 1), 17),
        (date(2010, 12, 31), date(2026, 1, 1), 15),
        (date(2026, 1, 15), date(2026, 1, 15), 0),
    ],
)
def test_age_is_full_years_reached_on_the_birthday(born_on: date, on: date, age: int) -> None:
    assert age_on(born_on, on) == age


def test_sixteen_on_the_day_is_old_enough_and_a_day_less_is_not() -> None:
    assert not list(age_problems(date(2010, 1, 15), on=TODAY))
    assert messages(age_problems(date(2010, 1, 16), on=TODAY)) == [
        "未满 16 周岁，不能参保（现为 15 周岁）"
    ]


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "13800000000",
        "１３８ ００００ ００００",
        "0371-65900000",
        "037165900000",
        "010-65900000",
    ],
)
def test_a_plausible_phone_number_is_accepted(phone: str) -> None:
    assert not list(phone_problems(phone))


@pytest.mark.parametrize(
    "phone", ["1380000000", "12800000000", "65900000", "13800000000/1", "电话"]
)
def test_what_cannot_be_rung_is_refused(phone: str) -> None:
    (problem,) = phone_problems(phone)
    assert problem.field == "phone"


def test_a_repeated_digit_is_pointed_out() -> None:
    assert len(list(phone_notices("13800000000"))) == 1
    assert not list(phone_notices("13812345678"))


def test_luhn_warns_of_a_card_and_refuses_nothing() -> None:
    assert luhn_holds("6219990000000000010")
    assert luhn_holds("6219990000000000028")
    assert not list(card_notices("6219990000000000010"))
    assert len(list(card_notices("6219990000000000011"))) == 1
    assert not list(card_problems("6219990000000000011"))
    assert not list(card_notices(""))


@pytest.mark.parametrize("card", ["621999000000000001X", "1234567", "6" * 33])
def test_an_account_number_is_digits(card: str) -> None:
    (problem,) = card_problems(card)
    assert problem.field == "bank_card"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("荣庄村委会", "荣庄"),
        ("东马蓬居民委员会", "东马蓬"),
        ("西留村居民委员会", "西留"),
        ("韩寺镇", "韩寺"),
        ("关村", "关村"),
        ("", ""),
    ],
)
def test_the_stem_of_a_place_is_what_stands_in_an_address(name: str, stem: str) -> None:
    assert place_stem(name) == stem


def test_an_address_names_the_village_or_the_township() -> None:
    places = ["荣庄村委会", "韩寺镇"]
    assert not list(address_notices("河南省中牟县韩寺镇一组", places=places))
    assert not list(address_notices("荣庄村三组", places=places))
    assert not list(address_notices("", places=places))
    assert not list(address_notices("外乡外庄村", places=[]))
    (notice,) = address_notices("外乡外庄村", places=places)
    assert notice.field == "household_address"


def test_a_grade_must_be_one_that_is_offered() -> None:
    assert not list(grade_problems(20_000, grades={20_000, 150_000}))
    assert messages(grade_problems(15_000, grades={150_000, 20_000})) == [
        "缴费档次 150 元不在现行档次内，可选：200、1500 元"
    ]


def test_everything_wrong_with_an_applicant_is_said_at_once() -> None:
    applicant = Applicant(
        name="",
        citizen_number=FEMALE_1965,
        sex="男",
        born_on=date(1965, 3, 16),
        phone="123",
        bank_card="abc",
    )
    assert [problem.field for problem in applicant_problems(applicant, on=TODAY)] == [
        "name",
        "sex",
        "born_on",
        "phone",
        "bank_card",
    ]


def test_a_number_that_fails_says_nothing_about_sex_and_age() -> None:
    applicant = Applicant(name="王芳", citizen_number="419099196503150022", sex="男")
    assert [problem.field for problem in applicant_problems(applicant, on=TODAY)] == [
        "citizen_number"
    ]
    assert not list(applicant_notices(applicant, on=TODAY, known_prefixes=set()))


def test_notices_of_an_applicant_come_together() -> None:
    applicant = Applicant(
        name="王芳",
        citizen_number=FEMALE_1965,
        household_address="外乡",
        phone="13800000000",
        bank_card="6219990000000000011",
    )
    assert not list(applicant_problems(applicant, on=TODAY))
    found = applicant_notices(applicant, on=TODAY, known_prefixes=set(), places=["荣庄村委会"])
    assert [notice.field for notice in found] == [
        "citizen_number",
        "phone",
        "bank_card",
        "household_address",
    ]


def test_the_fifty_six_ethnicities_are_numbered_as_the_standard_does() -> None:
    assert len(set(ETHNICITIES)) == 56
    assert [ethnicity_code(name) for name in ("汉族", "回族", "满族", "基诺族")] == [
        "01",
        "03",
        "11",
        "56",
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("汉", "汉族"),
        ("汉族", "汉族"),
        (" 回 族", "回族"),
        ("11", "满族"),
        ("火星", None),
        ("", None),
    ],
)
def test_an_ethnicity_is_read_by_name_or_code(typed: str, name: str | None) -> None:
    assert read_ethnicity(typed) == name


@pytest.mark.parametrize(
    ("typed", "category"),
    [
        ("", Category.ORDINARY),
        ("低保", Category.MINIMUM_LIVING),
        ("severely_disabled", Category.SEVERELY_DISABLED),
        ("富豪", None),
    ],
)
def test_a_category_is_read_by_title_or_code(typed: str, category: Category | None) -> None:
    assert read_category(typed) is category
