"""Planted faults of every rule are found, each by its own rule; a clean population has none."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select, update

from node.core.db import insert_new, make_engine
from node.core.personal import Keyring
from node.core.work import UnitOfWork, machine, unit_of_work
from node.policy.models import Bulletin
from node.quality import check, service
from node.quality.about_money import account, contribution, entry, posting, subsidy
from node.quality.about_people import enrolment, entitlement, person
from node.quality.models import ComparisonList, ComparisonRow
from node.quality.rulebook import RULES
from node.quality.rules import PERFECT
from tiers import RegionCode

PROVINCE = RegionCode("410000000000")
COUNTY, OTHER = RegionCode("410122000000"), RegionCode("410123000000")
TODAY = datetime(2026, 6, 1, 1, tzinfo=UTC)
BORN, OLD = date(1980, 5, 1), date(1960, 1, 1)


@dataclass
class Population:
    """People of two counties whose facts fit together, and ways to make them not."""

    uow: UnitOfWork
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, table: Table, **values: Any) -> None:
        insert_new(self.uow.connection, table, [values])

    def person(self, county: RegionCode = COUNTY, **over: Any) -> str:
        number = next(self.serial)
        made = {
            "county_code": str(county),
            "id": f"p{number}",
            "name": f"张{number}",
            "citizen_number": f"41019919800501{number:04d}",
            "citizen_index": number.to_bytes(32),
            "sex": "male",
            "born_on": BORN,
            "village": f"{county.prefix}001001",
            "category": "ordinary",
            "registered_at": TODAY,
            "ethnicity": "汉族",
            "address": "",
        } | over
        self.add(person, **made)
        return str(made["id"])

    def enrolled(self, county: RegionCode = COUNTY, **over: Any) -> str:
        about = {k: v for k, v in over.items() if k in person.c}
        mine = {k: v for k, v in over.items() if k not in person.c}
        who = self.person(county, **about)
        self.add(
            enrolment,
            **(
                self.of(county)
                | {
                    "id": f"e{who}",
                    "person_id": who,
                    "state": "active",
                    "bank_account": "6222000000000000",
                    "opened_on": date(2015, 1, 1),
                }
                | mine
            ),
        )
        return who

    def of(self, county: RegionCode = COUNTY) -> dict[str, str]:
        return {"county_code": str(county), "village": f"{county.prefix}001001"}

    def with_account(self, who: str, county: RegionCode = COUNTY) -> int:
        number = next(self.serial)
        opened = {"account_no": number, "person_id": who, "opened_on": date(2015, 1, 1)}
        self.add(account, **(self.of(county) | opened))
        return number

    def voucher(self, county: RegionCode = COUNTY) -> int:
        number = next(self.serial)
        self.add(
            entry,
            county_code=str(county),
            entry_no=number,
            kind="contribution",
            business_date=date(2025, 3, 1),
            booked_at=TODAY,
            trace_kind="batch",
            trace="t",
            memo="缴费",
            actor_id="a",
        )
        return number

    def posted(self, account_no: int, fen: int, **over: Any) -> int:
        number = over.pop("entry_no", None) or self.voucher()
        made = {
            "entry_no": number,
            "line_no": 1,
            "account_no": account_no,
            "source": "individual",
            "kind": "contribution",
            "fen": fen,
            "year": 2025,
            "month": 3,
            "for_year": 2025,
            "business_date": date(2025, 3, 1),
        }
        self.add(posting, **(self.of() | made | over))
        return int(number)

    def paid(self, **over: Any) -> str:
        """Somebody enrolled who paid for 2025, posted as it should be."""
        who = over.pop("who", None) or self.enrolled()
        number = self.with_account(who)
        voucher = self.posted(number, over.get("fen", 20_000))
        made = {
            "id": f"c{number}",
            "account_no": number,
            "person_id": who,
            "for_year": 2025,
            "grade_fen": 20_000,
            "fen": 20_000,
            "method": "bank",
            "reference": f"r{number}",
            "paid_on": date(2025, 3, 1),
            "make_up": False,
            "entry_no": voucher,
            "line_no": 1,
            "confirmed_at": TODAY,
        }
        self.add(contribution, **(self.of() | made | over))
        return who

    def drawing(self, county: RegionCode = COUNTY, **over: Any) -> str:
        """Somebody who draws a pension rightly."""
        about = {k: v for k, v in over.items() if k in person.c}
        mine = {k: v for k, v in over.items() if k not in person.c}
        who = mine.pop("who", None) or self.enrolled(county, **({"born_on": OLD} | about))
        made = {
            "id": f"t{who}",
            "person_id": who,
            "due_from": date(2020, 2, 1),
            "owed_from": date(2026, 6, 1),
            "paid_years": 15,
            "base_fen": 11_300,
            "account_fen": 700,
            "monthly_fen": 12_000,
            "balance_fen": 97_300,
            "divisor_months": 139,
            "account_by_source": {},
            "sheet": [],
            "state": "in_force",
            "determined_by": "a",
            "approved_by": "b",
            "determined_at": TODAY,
        }
        self.add(entitlement, **(self.of(county) | made | mine))
        return who

    def subsidised(self, account_no: int) -> None:
        made = {"province_fen": 1, "city_fen": 1, "county_fen": 1, "bulletin_id": "b"}
        made |= {"account_no": account_no, "for_year": 2025, "entry_no": self.voucher()}
        self.add(subsidy, **(self.of() | made))


def _underage(p: Population) -> None:
    p.enrolled(born_on=date(2005, 6, 1))


def _dead_enrolled(p: Population) -> None:
    p.enrolled(died_on=date(2026, 1, 1))


def _very_old(p: Population) -> None:
    p.drawing(born_on=date(1900, 1, 1))


def _same_name_birth_village(p: Population) -> None:
    p.enrolled(name="李双")
    p.enrolled(name="李双")


def _due_not_claimed(p: Population) -> None:
    p.enrolled(born_on=OLD)


def _drawing_too_young(p: Population) -> None:
    p.drawing(born_on=date(1966, 1, 1))


def _drawing_not_enrolled(p: Population) -> None:
    p.drawing(who=p.person(born_on=OLD))


def _drawing_without_bank_account(p: Population) -> None:
    p.drawing(who=p.enrolled(born_on=OLD, bank_account=None))


def _enrolled_in_two_counties(p: Population) -> None:
    for county in (COUNTY, OTHER):
        p.enrolled(county, citizen_index=b"one")


def _drawing_in_two_counties(p: Population) -> None:
    for county in (COUNTY, OTHER):
        who = p.person(county, citizen_index=b"two", born_on=OLD)
        closed = {"closed_on": date(2026, 1, 1), "opened_on": date(2015, 1, 1), "state": "closed"}
        p.add(enrolment, **(p.of(county) | closed | {"id": f"e{who}", "person_id": who}))
        p.drawing(county, who=who)


def _amount_not_grade(p: Population) -> None:
    p.paid(fen=19_900)


def _paid_not_enrolled(p: Population) -> None:
    who = p.enrolled()
    p.paid(who=who)
    mine = contribution.c.person_id == who
    p.uow.connection.execute(update(contribution).where(mine).values(person_id="nobody"))


def _paid_after_closing(p: Population) -> None:
    p.paid(who=p.enrolled(closed_on=date(2024, 12, 31), state="closed"))


def _subsidy_without_contribution(p: Population) -> None:
    p.subsidised(p.with_account(p.enrolled()))


def _contribution_without_posting(p: Population) -> None:
    who = p.paid()
    mine = contribution.c.person_id == who
    p.uow.connection.execute(update(contribution).where(mine).values(line_no=9))


def _negative_source(p: Population) -> None:
    number = p.with_account(p.enrolled())
    p.posted(number, -5, source="collective")


def _posting_without_entry(p: Population) -> None:
    number = p.with_account(p.enrolled())
    p.posted(number, 5, entry_no=9_999)


def _account_without_enrolment(p: Population) -> None:
    p.with_account(p.person())


def _entitlement_does_not_add_up(p: Population) -> None:
    p.drawing(monthly_fen=11_999)


def _listed(p: Population, kind: str, who: str | None, region: str = str(COUNTY)) -> None:
    p.uow.session.add(
        ComparisonList(
            id=kind,
            kind=kind,
            region=region,
            prefix=RegionCode(region).prefix,
            filename="名单.xlsx",
            as_of=date(2026, 5, 1),
            people=1,
            uploaded_by_name="某",
            uploaded_at=TODAY,
        )
    )
    if who is not None:
        p.uow.session.add(
            ComparisonRow(
                list_id=kind,
                row_no=2,
                name="某",
                citizen_number="1",
                citizen_index=b"1",
                happened_on=date(2026, 4, 1),
                county_code=str(COUNTY),
                person_id=who,
                score=100,
                decision="exact",
            )
        )
    p.uow.session.flush()


def _on_death_list(p: Population) -> None:
    _listed(p, "deaths", p.enrolled())


def _in_employees_scheme(p: Population) -> None:
    _listed(p, "employees", p.enrolled())


def _not_in_household(p: Population) -> None:
    who, village = p.enrolled(), f"{COUNTY.prefix}009009"
    mine = enrolment.c.person_id == who
    p.uow.connection.execute(update(enrolment).where(mine).values(village=village))
    _listed(p, "household", None, village)


PLANTED = {
    name.removeprefix("_"): plant
    for name, plant in list(globals().items())
    if name.removeprefix("_") in RULES
}


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    made = make_engine(migrated_url, Keyring.generate())
    yield made
    made.dispose()


@contextmanager
def work(engine: Engine, node: RegionCode = PROVINCE, **later: int) -> Iterator[UnitOfWork]:
    now = TODAY + timedelta(**later)
    with unit_of_work(engine, actor=machine(node), node=node, now=now) as uow:
        yield uow


def clean(p: Population) -> None:
    """A population in which nothing contradicts anything."""
    for county in (COUNTY, OTHER):
        p.enrolled(county)
        p.drawing(county)
    who = p.paid()
    p.subsidised(_account_of(p, who))
    p.enrolled(closed_on=date(2026, 1, 1), state="closed", died_on=date(2026, 1, 1))
    p.paid(who=p.enrolled(closed_on=date(2025, 12, 31), state="closed"))
    p.enrolled(born_on=date(2000, 1, 1), opened_on=date(2016, 1, 1))


def _account_of(p: Population, who: str) -> int:
    mine = select(account.c.account_no).where(account.c.person_id == who)
    return int(p.uow.connection.execute(mine).scalar_one())


def open_rules(uow: UnitOfWork) -> Mapping[str, int]:
    return {each.code: each.number for each in service.by_rule(uow, PROVINCE)}


def test_every_rule_has_a_planted_fault() -> None:
    assert set(PLANTED) == set(RULES)


def test_a_clean_population_has_no_finding(engine: Engine) -> None:
    with work(engine) as uow:
        clean(Population(uow))
        assert check.check(uow) == 0
        assert {s.score_ppm for s in service.standings(uow, PROVINCE)} == {PERFECT}


@pytest.mark.parametrize("rule", RULES)
def test_a_planted_fault_is_found_by_its_rule_alone(engine: Engine, rule: str) -> None:
    with work(engine) as uow:
        people = Population(uow)
        clean(people)
        PLANTED[rule](people)
        check.check(uow)
        found = open_rules(uow)
    assert set(found) == {rule}
    assert found[rule] == (2 if RULES[rule].among else 1)


def test_a_finding_stays_one_and_goes_when_its_cause_goes(engine: Engine) -> None:
    with work(engine) as uow:
        _dead_enrolled(Population(uow))
        check.check(uow)
    with work(engine, days=20) as uow:
        check.check(uow)
        (shown,), total = service.listed(uow, service.Wanted(PROVINCE))
        assert (total, shown.is_overdue) == (1, True)
        assert shown.row["found_on"] == date(2026, 6, 1)
    with work(engine, days=21) as uow:
        uow.connection.execute(update(person).values(died_on=None))
        assert check.check(uow) == 0
        assert service.listed(uow, service.Wanted(PROVINCE, standing="gone"))[1] == 1


def test_a_bulletin_turns_a_rule_off_or_makes_it_graver(engine: Engine) -> None:
    said = [
        {"rule": "due_not_claimed", "severity": "error", "days": 5, "is_on": True},
        {"rule": "dead_enrolled", "severity": "error", "days": 5, "is_on": False},
    ]
    with work(engine) as uow:
        people = Population(uow)
        for plant in (_due_not_claimed, _dead_enrolled):
            plant(people)
        uow.session.add(
            Bulletin(
                id="q",
                number="示例〔2026〕20号",
                kind="quality_rules",
                title="规则",
                region=str(PROVINCE),
                effective_from=date(2026, 1, 1),
                body={"rules": said},
                status="published",
                drafted_by="a",
                drafted_at=TODAY,
                published_at=TODAY,
            )
        )
        check.check(uow)
        (shown,), _ = service.listed(uow, service.Wanted(PROVINCE))
        assert (shown.row["rule"], shown.row["severity"]) == ("due_not_claimed", "error")
        assert shown.row["due_on"] == date(2026, 6, 6)


def test_a_county_alone_does_not_look_at_others(engine: Engine) -> None:
    with work(engine) as uow:
        _enrolled_in_two_counties(Population(uow))
    with work(engine, COUNTY) as uow:
        assert check.check(uow) == 0


def test_the_trend_of_counties_of_real_size_is_their_mean_by_people(engine: Engine) -> None:
    """People times parts per million is more than four bytes hold from 2,148 people on."""
    stands = {"day": TODAY.date(), "errors": 0, "warnings": 0, "notices": 0}
    rows = [
        {"county_code": str(COUNTY), "people": 300_000, "score_ppm": PERFECT, **stands},
        {"county_code": str(OTHER), "people": 100_000, "score_ppm": 600_000, **stands},
    ]
    with work(engine) as uow:
        insert_new(uow.connection, check.score, rows)
        assert service.trend(uow, PROVINCE) == [(TODAY.date(), 900_000)]


@pytest.mark.parametrize("again", [{}, {"closed_on": date(2025, 12, 31)}], ids=["open", "later"])
def test_who_was_enrolled_again_may_pay(engine: Engine, again: Mapping[str, date]) -> None:
    with work(engine) as uow:
        population = Population(uow)
        who = population.enrolled(closed_on=date(2024, 12, 31), state="closed")
        second = {"id": "again", "person_id": who, "state": "active"}
        opened = {"bank_account": "6222000000000000", "opened_on": date(2025, 1, 15)}
        population.add(enrolment, **(population.of() | second | opened | dict(again)))
        population.paid(who=who)
        check.check(uow)
        assert "paid_after_closing" not in open_rules(uow)
