"""Interest in words: the product, the rate, the exact result and its rounding."""

from node.accounts.models import InterestCorrection
from node.core.i18n import sentence
from node.core.money import percent, yuan

_DECIMALS = 10_000
_PPM_YEAR = 12_000_000
_FEN = 100


def exact_yuan(product: int, rate_ppm: int) -> str:
    """What a month product earns, in yuan, before rounding: four decimals, `…` where it goes on."""
    unit = _PPM_YEAR * _FEN
    scaled, rest = divmod(abs(product) * rate_ppm * _DECIMALS, unit)
    whole, decimals = divmod(scaled, _DECIMALS)
    sign = "−" if product < 0 and (scaled or rest) else ""
    return f"{sign}{whole:,}.{decimals:04d}{'…' if rest else ''}"


def interest_sentence(product: int, rate_ppm: int) -> str:
    """积数 68,100.00 元·月 × 2.75% ÷ 12 = 156.0625，四舍五入到分."""
    found = exact_yuan(product, rate_ppm)
    return sentence(
        "积数 {product} 元·月 × {rate} ÷ 12 = {found}，四舍五入到分",
        product=yuan(product),
        rate=percent(rate_ppm),
        found=found,
    )


def correction_sentence(row: InterestCorrection) -> str:
    """What a settled stretch of a year came to before and comes to now, and the difference."""
    when = sentence("{year} 年度", year=row.year)
    if row.through != 12:  # noqa: PLR2004  # December ends the year
        when = sentence("{year} 年 {month} 月结息", year=row.year, month=row.through)
    rate = percent(row.rate_after)
    if row.rate_before != row.rate_after:
        rate = f"{percent(row.rate_before)} → {rate}"
    product = yuan(row.product_after)
    if row.product_before != row.product_after:
        product = f"{yuan(row.product_before)} → {product}"
    return sentence(
        "{when}：积数 {product} 元·月，年利率 {rate}，利息 {before} → {after} 元，差额 {fen} 元",
        when=when,
        product=product,
        rate=rate,
        before=yuan(row.interest_before),
        after=yuan(row.interest_after),
        fen=yuan(row.interest_after - row.interest_before),
    )
