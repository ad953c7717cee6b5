"""Is this somebody we have already, under another citizen number (一人多号)? A score for a person.

Pure. Number, name, birth and village each speak for it; nobody is refused for it (DQ-09: 姓名、
出生日期、村相同而号码不同). Weights are a convention of this project, tried on the tests' cases.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from node.core.i18n import sentence
from node.registry.typed import Notice

SAME_NAME = 40
SAME_BIRTH = 30
SAME_VILLAGE = 20
SAME_TOWNSHIP = 10
NEAR_NUMBER = 25
NEAR_DIGITS = 3
"""A mistyped digit also changes the check character; two swapped ones change three at most."""
SUSPICIOUS = 80
TOWNSHIP_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who bears a citizen number, as far as it matters here."""

    name: str
    citizen_number: str
    village: str


def likeness(one: Bearer, other: Bearer) -> int:
    """How much speaks for these two being one person, 0 to 100; the same number is certainty."""
    if one.citizen_number == other.citizen_number:
        return 100
    score = SAME_NAME if one.name == other.name else 0
    if one.citizen_number[6:14] == other.citizen_number[6:14]:
        score += SAME_BIRTH
    if one.village == other.village:
        score += SAME_VILLAGE
    elif one.village[:TOWNSHIP_DIGITS] == other.village[:TOWNSHIP_DIGITS]:
        score += SAME_TOWNSHIP
    if _differing(one.citizen_number, other.citizen_number) <= NEAR_DIGITS:
        score += NEAR_NUMBER
    return min(score, 99)


def _differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))


def twin_notices(
    bearer: Bearer, known: Iterable[Bearer], *, field: str = "citizen_number"
) -> Iterator[Notice]:
    """The one known person who is most like this one, if anybody is suspiciously like."""
    others = [each for each in known if each.citizen_number != bearer.citizen_number]
    most = max(others, key=lambda each: likeness(bearer, each), default=None)
    if most is not None and (score := likeness(bearer, most)) >= SUSPICIOUS:
        hidden = f"{most.citizen_number[:4]}**********{most.citizen_number[-4:]}"
        yield Notice(
            sentence(
                "与已参保的{name}（{number}）相似度 {score}，请核实是否同一人用两个号码",
                name=most.name,
                number=hidden,
                score=score,
            ),
            field,
        )
