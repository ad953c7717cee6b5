"""Enrolment-like records of about 400 bytes, the same for every program that is measured."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

TYPE = "enrolment.opened"
COUNTY = "419001000000"  # 济源市, which reports straight to the province: the child that sends
PROVINCE = "410000000000"  # the parent that takes
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰春梅建国"
GRADES = (20_000, 30_000, 50_000, 100_000, 200_000, 300_000, 500_000)

COLUMNS = (
    *("citizen_no", "name", "sex", "born_on", "phone", "bank_account"),
    *("grade_fen", "opened_on", "case_no", "address"),
)
CREATE = f"""
CREATE TABLE enrolment (
  key TEXT PRIMARY KEY, region TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL,
  {", ".join(f"{name} {'INTEGER' if name.endswith('_fen') else 'TEXT'}" for name in COLUMNS)}
)
"""


def make(count: int, *, seed: int = 5) -> list[dict[str, Any]]:
    """Records as the protocol names their parts, invented but of realistic entropy."""
    return list(_each(count, random.Random(seed)))  # noqa: S311  # repeatable, not secret


def _each(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(count):
        township, village = chance.randrange(100, 124), chance.randrange(200, 240)
        born = f"{chance.randrange(1950, 2009)}-{chance.randrange(1, 13):02}-15"
        sequence = chance.randrange(1000)
        yield {
            "type": TYPE,
            "version": 1,
            "key": _uuid7(number, chance),
            "region": f"419001{township}{village}",
            "at": f"2026-03-{1 + number % 28:02}T08:{number % 60:02}:{chance.randrange(60):02}Z",
            "actor": f"u{chance.randrange(40):03}",
            "body": {
                # 410199 was never assigned to a county: nobody alive has such a number
                "citizen_no": f"410199{born.replace('-', '')}{sequence:03}X",
                "name": chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=2)),
                "sex": "male" if sequence % 2 else "female",
                "born_on": born,
                "phone": f"1{chance.randrange(10**10):010}",
                "bank_account": f"62{chance.randrange(10**17):017}",
                "grade_fen": chance.choice(GRADES),
                "opened_on": "2026-03-01",
                "case_no": f"{number:012}",
                "address": f"承留镇{village}村{chance.randrange(400)}号",
            },
        }


def _uuid7(number: int, chance: random.Random) -> str:
    tail = chance.getrandbits(48)
    return f"01920000-{number >> 12:04x}-7{number & 0xFFF:03x}-8000-{tail:012x}"


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The table row of one record."""
    body = record["body"]
    return {
        "key": record["key"],
        "region": record["region"],
        "at": record["at"],
        "actor": record["actor"],
        **{name: body[name] for name in COLUMNS},
    }
