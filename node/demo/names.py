"""Invented names for the demo: surnames by how common they are in Henan, given names by age.

Surnames and characters are common knowledge; no name is taken from a person.
"""

from random import Random

SURNAMES: dict[str, int] = {
    "王": 96,
    "李": 94,
    "张": 92,
    "刘": 62,
    "陈": 36,
    "杨": 34,
    "赵": 33,
    "马": 20,
    "郭": 20,
    "孙": 18,
    "周": 17,
    "朱": 16,
    "徐": 14,
    "吴": 14,
    "胡": 13,
    "高": 12,
    "宋": 12,
    "韩": 11,
    "史": 10,
    "冯": 10,
    "许": 9,
    "郑": 9,
    "董": 9,
    "程": 8,
    "贾": 8,
    "任": 7,
    "梁": 7,
    "杜": 7,
    "牛": 6,
    "侯": 6,
    "姚": 6,
    "荣": 4,
    "崔": 5,
    "常": 5,
    "邢": 4,
    "申": 4,
    "白": 4,
    "路": 3,
    "司": 3,
    "卢": 3,
    "毛": 3,
    "欧阳": 1,
    "司马": 1,
}
_WEIGHTED = tuple(SURNAMES), tuple(SURNAMES.values())

_LAST_BIRTH_YEARS = (1969, 1989, 2100)

_MALE = (
    ("国建志文德永玉金保长福振新天双", "民军强明富贵林山海清生成安顺义"),
    ("伟海红晓建少志学新春卫俊", "伟强军勇涛超鹏波刚辉峰杰"),
    ("浩子俊宇嘉一博旭家梓明世", "然轩豪杰阳鹏飞辉龙哲航凯"),
)
_FEMALE = (
    ("秀玉桂凤春淑爱素金红巧喜", "英兰芝花梅珍荣云霞琴枝香"),
    ("丽艳小海红晓雪燕秋爱文俊", "娟敏静芳霞燕玲红萍丽娜霞"),
    ("梦雨欣思佳晓雅静婷若子诗", "瑶涵怡琪洁颖雪萍彤妍蕾宁"),
)
_SINGLE_SHARE = (0.12, 0.40, 0.22)


def surname(draw: Random, *, common_here: str | None) -> str:
    """A surname; in a village named after a family a third of the people bear its name."""
    if common_here and draw.random() < 1 / 3:
        return common_here
    names, weights = _WEIGHTED
    return draw.choices(names, weights)[0]


def given_name(draw: Random, *, male: bool, born_in: int) -> str:
    """A given name in the manner of the years the person was born in."""
    era = next(place for place, last in enumerate(_LAST_BIRTH_YEARS) if born_in <= last)
    first, second = (_MALE if male else _FEMALE)[era]
    if draw.random() < _SINGLE_SHARE[era]:
        return draw.choice(second)
    return draw.choice(first) + draw.choice(second)


def family_of(village: str) -> str | None:
    """The family a village is named after, if any: 刘庄村委会 → 刘, 大李庄 → 李."""
    for place in range(min(3, len(village) - 1)):
        if village[place] in SURNAMES and village[place + 1] in "庄家营楼寨村岗店屯堂坡":
            return village[place]
    return None
