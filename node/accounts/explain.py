"""Interest in words: the product, the rate, the exact result and its rounding."""

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
    return f"积数 {yuan(product)} 元·月 × {percent(rate_ppm)} ÷ 12 = {found}，四舍五入到分"
