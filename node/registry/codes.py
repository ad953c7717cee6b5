"""Code lists a person is registered with: ethnicity (GB/T 3304) and category (参保身份)."""

from node.core.titled import TitledEnum
from node.registry.typed import plain

_ETHNICITIES = """
汉族 蒙古族 回族 藏族 维吾尔族 苗族 彝族 壮族 布依族 朝鲜族 满族 侗族 瑶族 白族 土家族 哈尼族
哈萨克族 傣族 黎族 傈僳族 佤族 畲族 高山族 拉祜族 水族 东乡族 纳西族 景颇族 柯尔克孜族 土族
达斡尔族 仫佬族 羌族 布朗族 撒拉族 毛南族 仡佬族 锡伯族 阿昌族 普米族 塔吉克族 怒族 乌孜别克族
俄罗斯族 鄂温克族 德昂族 保安族 裕固族 京族 塔塔尔族 独龙族 鄂伦春族 赫哲族 门巴族 珞巴族 基诺族
"""

ETHNICITIES = tuple(_ETHNICITIES.split())
"""GB/T 3304: the code of a name is its place in this list, 01 to 56."""


class Category(TitledEnum):
    """What a person is to the scheme; special groups (特殊群体) may be paid for by policy."""

    ORDINARY = "ordinary", "普通"
    SEVERELY_DISABLED = "severely_disabled", "重度残疾"
    MINIMUM_LIVING = "minimum_living", "低保"
    EXTREME_POVERTY = "extreme_poverty", "特困"
    REGISTERED_POOR = "registered_poor", "建档立卡"
    FAMILY_PLANNING = "family_planning", "计生家庭"
    LAND_EXPROPRIATED = "land_expropriated", "被征地"
    DEMOBILISED = "demobilised", "退役军人"
    OTHER = "other", "其他"


def ethnicity_code(name: str) -> str:
    """The two digits of GB/T 3304."""
    return f"{ETHNICITIES.index(name) + 1:02d}"


def read_ethnicity(text: str) -> str | None:
    """An ethnicity by its name, with or without 族, or by its code; nothing if there is none."""
    typed = plain(text)
    by_code = {ethnicity_code(name): name for name in ETHNICITIES}
    if typed in by_code:
        return by_code[typed]
    name = typed if typed.endswith("族") else f"{typed}族"
    return name if name in ETHNICITIES else None


def read_category(text: str) -> Category | None:
    """A category by its title or its code; empty is an ordinary person."""
    typed = plain(text)
    if not typed:
        return Category.ORDINARY
    return next((each for each in Category if typed in (each.value, each.title)), None)
