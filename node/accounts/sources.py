"""Where the money in an individual account came from (资金来源).

Sources are kept apart in every balance, each with its own interest, because who may inherit or
take a part along depends on who paid it. The order is the official one: tables, statements and
ties between equal remainders follow it.
"""

from collections.abc import Iterable

from node.core.titled import TitledEnum


class Source(TitledEnum):
    """One payer's part of an account; `title` is what statements print."""

    INDIVIDUAL = "individual", "个人缴费"
    COLLECTIVE = "collective", "集体补助"
    SUBSIDY_PROVINCE = "subsidy_province", "省级补贴"
    SUBSIDY_CITY = "subsidy_city", "市级补贴"
    SUBSIDY_COUNTY = "subsidy_county", "县级补贴"
    PAID_ON_BEHALF = "paid_on_behalf", "政府代缴"
    LAND_COMPENSATION = "land_compensation", "被征地补助"
    LEGACY_RURAL = "legacy_rural", "老农保"
    OTHER = "other", "其他资助"


OFFICIAL_ORDER = tuple(Source)

GOVERNMENT_SUBSIDIES = frozenset(
    {Source.SUBSIDY_PROVINCE, Source.SUBSIDY_CITY, Source.SUBSIDY_COUNTY}
)
"""政府补贴: what the heirs did not get before 国发〔2014〕8号."""


def in_official_order(sources: Iterable[Source]) -> list[Source]:
    """Each source once, as statements list them."""
    return sorted(set(sources), key=OFFICIAL_ORDER.index)
