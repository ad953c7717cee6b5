"""Checks at the door (把好数据入口关): every value a person is registered with.

A problem refuses the value (`Invalid`, with the field); a `Notice` asks somebody to look and lets
it pass. Each check is one function that yields all it finds; the two at the end put them together.
Sources: GB 11643-1999 (citizen number), ISO 7064 MOD 11-2, 国发〔2014〕8号 §3 (who may enrol).
"""

import re
import unicodedata
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from node.core.errors import Invalid
from node.core.i18n import sentence
from node.core.money import yuan
from node.registry.citizen_number import (
    CitizenNumber,
    number_notices,
    number_problems,
    read_number,
)
from node.registry.codes import Category
from node.registry.typed import Notice, plain

MINIMUM_AGE = 16
PENSION_AGE = 60
SCHEME_BEGAN = date(2009, 9, 1)  # 国发〔2009〕32号: the first rural pilots
CHILDBEARING_AGE = 20  # 婚姻法: nobody has a family-planning certificate earlier
NAME_LENGTHS = range(2, 51)

_HAN = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_NAME = re.compile(f"[{_HAN}]+(?:·[{_HAN}]+)*")
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅●.．", "·"))
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
_PHONE = re.compile(r"1[3-9][0-9]{9}|0[0-9]{2,3}-?[2-9][0-9]{6,7}")
_ONE_DIGIT_REPEATED = re.compile(r".*([0-9])\1{7}")
_CARD = re.compile(r"[0-9]{8,32}")
_PLACE = re.compile(".{2,}")
_PLACE_SUFFIX = re.compile(
    "(?:村民委员会|居民委员会|社区居委会|村委会|居委会|办事处|街道|社区|居委|村|镇|乡|县|区|市)$"
)


def normal_name(text: str) -> str:
    """A name as stored: no blanks, and one kind of dot between its parts."""
    kept = [char for char in text if unicodedata.category(char)[0] not in "ZC" or _is_private(char)]
    return "".join(kept).translate(_DOTS)


def name_problems(text: str, *, field: str = "name") -> Iterator[Invalid]:
    """2 to 50 Chinese characters; parts of a minority name are joined by a dot."""
    name = normal_name(text)
    if not name:
        yield Invalid("请填写姓名", field=field)
    elif _PRIVATE_USE.search(name):
        yield Invalid("姓名中有无法识别的生僻字，请改用国家标准汉字录入", field=field)
    elif not _NAME.fullmatch(name):
        yield Invalid("姓名只能用汉字，少数民族姓名各部分之间用“·”隔开", field=field)
    elif len(name) not in NAME_LENGTHS:
        yield Invalid("姓名应为 2 至 50 个字", field=field)


def sex_problems(given: str, number: CitizenNumber, *, field: str = "sex") -> Iterator[Invalid]:
    """The sex, if stated, is the one in the number."""
    if given and given != number.sex:
        yield Invalid("性别与公民身份号码不符：号码显示为{sex}", field=field, sex=str(number.sex))


def birth_problems(
    given: date | None, number: CitizenNumber, *, field: str = "born_on"
) -> Iterator[Invalid]:
    """The birth date, if stated, is the one in the number; the number prevails."""
    if given is not None and given != number.born_on:
        yield Invalid(
            "出生日期与公民身份号码不符：号码显示为 {born_on}",
            field=field,
            born_on=str(number.born_on),
        )


def age_on(born_on: date, on: date) -> int:
    """Full years (周岁), reached on the birthday; for 29 February in other years on 1 March."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def born_by(on: date, age: int) -> date:
    """The latest birth date of somebody who is `age` years old on a day."""
    try:
        return on.replace(year=on.year - age)
    except ValueError:  # 29 February of a year that has none
        return date(on.year - age, 2, 28)


def age_problems(
    born_on: date, *, on: date, minimum: int = MINIMUM_AGE, field: str = "born_on"
) -> Iterator[Invalid]:
    """Old enough to enrol on the day of application."""
    age = age_on(born_on, on)
    if age < minimum:
        yield Invalid(
            "未满 {minimum} 周岁，不能参保（现为 {age} 周岁）",
            field=field,
            minimum=minimum,
            age=age,
        )


def grade_problems(
    grade_fen: int, *, grades: Collection[int], field: str = "grade"
) -> Iterator[Invalid]:
    """The yearly grade is one the bulletin in force offers."""
    if grade_fen not in grades:
        offered = "、".join(short_yuan(grade) for grade in sorted(grades))
        yield Invalid(
            "缴费档次 {grade} 元不在现行档次内，可选：{offered} 元",
            field=field,
            grade=short_yuan(grade_fen),
            offered=offered,
        )


def short_yuan(fen: int) -> str:
    """Grades are whole yuan and read better without decimals: 200, not 200.00."""
    return yuan(fen).removesuffix(".00").replace(",", "")


def phone_problems(text: str, *, field: str = "phone") -> Iterator[Invalid]:
    """A mobile number, or a landline with its area code; may be left empty."""
    phone = plain(text)
    if phone and not _PHONE.fullmatch(phone):
        yield Invalid("联系电话应为 11 位手机号，或带区号的固定电话", field=field)


def phone_notices(text: str, *, field: str = "phone") -> Iterator[Notice]:
    """Filled in to get past the field: one digit repeated to the end."""
    if _ONE_DIGIT_REPEATED.fullmatch(plain(text)):
        yield Notice("联系电话后八位相同，请确认不是随意填写", field)


def luhn_holds(digits: str) -> bool:
    """ISO/IEC 7812: from the right, every second digit doubled, digits added up, tens only."""
    doubled = (int(char) * (2 if index % 2 else 1) for index, char in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def card_problems(text: str, *, field: str = "bank_card") -> Iterator[Invalid]:
    """A card or passbook number is digits only; may be left empty."""
    card = plain(text)
    if card and not _CARD.fullmatch(card):
        yield Invalid("银行账号只能是数字，8 至 32 位", field=field)


def card_notices(text: str, *, field: str = "bank_card") -> Iterator[Notice]:
    """Passbooks of rural credit cooperatives do not follow Luhn, so this only warns."""
    card = plain(text)
    if _CARD.fullmatch(card) and not luhn_holds(card):
        yield Notice("银行卡号校验位不符，请核对；存折账号可以忽略", field)


def address_notices(
    address: str, *, places: Iterable[str], field: str = "household_address"
) -> Iterator[Notice]:
    """The household address names the village or the township it is registered in.

    `places` are their names from the division list; 三里店村委会 is found as 三里店.
    """
    stems = [stem for stem in map(place_stem, places) if stem]
    text = normal_name(address)
    if text and stems and not any(stem in text for stem in stems):
        yield Notice("户籍地址中没有所在村或乡镇的名称，请核对是否属于本辖区", field)


def place_stem(name: str) -> str:
    """The part of a place's name that people write in an address."""
    stem = normal_name(name)
    while _PLACE.fullmatch(shorter := _PLACE_SUFFIX.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """What is known of a person at the door, as typed; empty where nothing was said."""

    name: str
    citizen_number: str
    sex: str = ""
    born_on: date | None = None
    ethnicity: str = ""
    household_address: str = ""
    phone: str = ""
    bank_card: str = ""


def applicant_problems(
    applicant: Applicant, *, on: date, minimum_age: int = MINIMUM_AGE
) -> Iterator[Invalid]:
    """Everything that keeps this applicant from being registered on the day `on`."""
    yield from name_problems(applicant.name)
    wrong = list(number_problems(applicant.citizen_number, today=on))
    yield from wrong
    if not wrong:
        number = read_number(applicant.citizen_number, today=on)
        yield from sex_problems(applicant.sex, number)
        yield from birth_problems(applicant.born_on, number)
        yield from age_problems(number.born_on, on=on, minimum=minimum_age)
    yield from phone_problems(applicant.phone)
    yield from card_problems(applicant.bank_card)


def applicant_notices(
    applicant: Applicant, *, on: date, known_prefixes: Container[str], places: Iterable[str] = ()
) -> Iterator[Notice]:
    """What somebody should look at before this applicant goes on."""
    if not any(number_problems(applicant.citizen_number, today=on)):
        number = read_number(applicant.citizen_number, today=on)
        yield from number_notices(number, known_prefixes=known_prefixes)
    yield from phone_notices(applicant.phone)
    yield from card_notices(applicant.bank_card)
    yield from address_notices(applicant.household_address, places=places)


def migration_problems(
    enrolled_on: date | None, *, on: date, at_county: bool, field: str = "enrolled_on"
) -> Iterator[Invalid]:
    """The first day of an enrolment an older system knew (存量数据); the county alone says it."""
    if enrolled_on is None:
        return
    if not at_county:
        yield Invalid("原参保日期只能由县级在存量数据迁移时填写", field=field)
    elif not SCHEME_BEGAN <= enrolled_on <= on:
        yield Invalid("原参保日期应在 {first} 至今天之间", field=field, first=SCHEME_BEGAN)


def category_rule_problems(
    category: Category, citizen_number: str, *, on: date, field: str = "category"
) -> Iterator[Invalid]:
    """A special group somebody of this age can belong to."""
    if any(number_problems(citizen_number, today=on)):
        return
    age = age_on(read_number(citizen_number, today=on).born_on, on)
    if category is Category.FAMILY_PLANNING and age < CHILDBEARING_AGE:
        yield Invalid(
            "不满 {least} 周岁，不可能属于计生家庭对象", field=field, least=CHILDBEARING_AGE
        )


def category_notices(category: Category, *, field: str = "category") -> Iterator[Notice]:
    """A special group rests on a certificate or on a list of its department."""
    if category is not Category.ORDINARY:
        yield Notice(
            sentence("{category}须有相应证件或主管部门名单，请核对原件", category=category.title),
            field,
        )


def late_grade_notices(
    citizen_number: str, grade_fen: int | None, *, on: date, field: str = "grade_fen"
) -> Iterator[Notice]:
    """From 60 on nobody contributes year by year (DQ-12); making years up is another matter."""
    if grade_fen is None or any(number_problems(citizen_number, today=on)):
        return
    if age_on(read_number(citizen_number, today=on).born_on, on) >= PENSION_AGE:
        yield Notice(
            sentence("已满 {age} 周岁，不再按年缴费；需要补缴的请另行办理", age=PENSION_AGE), field
        )


def _is_private(char: str) -> bool:
    return "\ue000" <= char <= "\uf8ff"
