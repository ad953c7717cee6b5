"""Code lists of registration: ethnicity (GB/T 3304), category (参保身份), standing, reasons.

A code is stored, its title is shown, its `exchange` code is what other systems of the trade write
(LD/T 92 社会保险管理信息系统指标集与代码: AAC008 参保状态, AAC031 缴费状态, AAC066 参保身份,
AAE160 变更原因).
"""

from collections.abc import Mapping
from typing import Self

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


class ExchangedEnum(TitledEnum):
    """A code list of `CODE = "code", "中文名称", "exchange code"`."""

    exchange: str

    def __new__(cls, value: str, title: str = "", exchange: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.title, member.exchange = title, exchange
        return member


class Category(ExchangedEnum):
    """What a person is to the scheme (AAC066); special groups (特殊群体) may be paid for."""

    ORDINARY = "ordinary", "普通", "011"
    SEVERELY_DISABLED = "severely_disabled", "重度残疾", "021"
    MINIMUM_LIVING = "minimum_living", "低保", "061"
    EXTREME_POVERTY = "extreme_poverty", "特困", "031"
    REGISTERED_POOR = "registered_poor", "建档立卡", "051"
    POVERTY_MONITORED = "poverty_monitored", "返贫致贫监测对象", "052"
    FAMILY_PLANNING = "family_planning", "计生家庭", "071"
    LAND_EXPROPRIATED = "land_expropriated", "被征地", "090"
    DEMOBILISED = "demobilised", "退役军人", "090"
    OTHER = "other", "其他", "090"


class Standing(ExchangedEnum):
    """Where an enrolment stands: one name for each lawful pair of 参保状态 and 缴费状态."""

    ACTIVE = "active", "缴费中", "1,1"
    INTERRUPTED = "interrupted", "暂停缴费", "2,2"
    DRAWING = "drawing", "领取待遇", "1,3"
    SUSPENDED = "suspended", "暂停待遇", "2,3"
    CLOSED = "closed", "终止参保", "4,3"

    @property
    def participation(self) -> str:
        """参保状态 AAC008: 1 正常参保, 2 暂停参保, 4 终止参保."""
        return self.exchange.split(",")[0]

    @property
    def contribution(self) -> str:
        """缴费状态 AAC031: 1 参保缴费, 2 暂停缴费, 3 终止缴费."""
        return self.exchange.split(",")[1]


STANDING_OF: Mapping[tuple[str, str], Standing] = {
    (each.participation, each.contribution): each for each in Standing
}
"""The five lawful pairs; any other is data that cannot be (DQ-18)."""


class CloseReason(ExchangedEnum):
    """Why participation ends (AAE160, 64xx: while contributing)."""

    DEATH = "death", "死亡", "6401"
    EMIGRATED = "emigrated", "出国（境）定居", "6406"
    EMPLOYEES_SCHEME = "employees_scheme", "参加职工基本养老保险并领取待遇", "6407"
    DUPLICATE = "duplicate", "重复参保", "6499"
    OTHER = "other", "其他原因", "6499"
    TRANSFERRED = "transferred", "关系转移", "6499"


class PauseReason(ExchangedEnum):
    """Why somebody pays no contributions for the time being (AAE160)."""

    EMPLOYEES_SCHEME = "employees_scheme", "参加职工基本养老保险", "6399"
    IMPRISONED = "imprisoned", "被判刑收监执行", "6399"
    MILITARY = "military", "应征入伍", "6399"
    HARDSHIP = "hardship", "生活困难", "6399"
    OTHER = "other", "其他原因中断缴费", "6399"


class NotEnrolled(TitledEnum):
    """Why somebody on the household list is not enrolled, as the coordinator has found out."""

    STUDENT = "student", "在校学生"
    EMPLOYEES_SCHEME = "employees_scheme", "已参加职工基本养老保险"
    STATE_STAFF = "state_staff", "机关事业单位工作人员"
    MILITARY = "military", "现役军人"
    ELSEWHERE = "elsewhere", "已在外地参保"
    DEAD = "dead", "已去世，户口未注销"
    AWAY = "away", "外出，联系不上"
    UNWILLING = "unwilling", "暂不愿参保"
    LATER = "later", "已联系，另约时间"

    @property
    def bars(self) -> bool:
        """Whether it takes somebody off the list: nothing is to be done while it holds."""
        return self not in (NotEnrolled.AWAY, NotEnrolled.UNWILLING, NotEnrolled.LATER)


class Evidence(TitledEnum):
    """What a statement rests on; the paper itself goes with the case as an attachment."""

    IDENTITY_CARD = "identity_card", "居民身份证"
    HOUSEHOLD_BOOK = "household_book", "居民户口簿"
    POLICE = "police", "公安机关证明"
    DEATH = "death", "死亡证明或火化证明"
    COURT = "court", "人民法院文书"
    CIVIL_AFFAIRS = "civil_affairs", "民政部门名单或证件"
    DISABLED = "disabled", "残疾人证"
    RURAL_REVITALISATION = "rural_revitalisation", "乡村振兴部门名单"
    HEALTH = "health", "卫生健康部门名单或证件"
    OTHER_AGENCY = "other_agency", "其他经办机构的证明"
    OTHER = "other", "其他材料"


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
