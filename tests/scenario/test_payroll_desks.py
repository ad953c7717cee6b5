"""What a county's desks ask of payments, recoveries and certificates, on both databases."""

from collections.abc import Iterator
from datetime import date

import pytest

from node.banking.rules import LineState
from node.benefits.certification_round import progress
from node.benefits.codes import RecoveryCause
from node.payroll.month import Came, people_paid, tallies
from node.payroll.recoveries import came_back, months_of, owed_in, owed_of, sums
from node.payroll.recovery import agree, claim_back
from node.registry.worklists import count_of, lines_of, worklist
from tests.fixtures.county import COUNTY, closing, open_county
from tests.fixtures.payroll import Payers, open_payers
from tiers import RegionCode

SEPTEMBER, OCTOBER = date(2025, 9, 1), date(2025, 10, 1)
HERE = RegionCode(COUNTY)


@pytest.fixture
def payers(migrated_url: str) -> Iterator[Payers]:
    """Late August 2025, nobody draws a pension yet."""
    county = open_county(migrated_url)
    with closing(county.office):
        found = open_payers(county)
        county.on(date(2025, 8, 20))
        yield found


def test_the_desks_see_who_was_paid_who_owes_and_who_is_certified(payers: Payers) -> None:
    one, other = payers.pensioners(date(1950, 1, 1), date(1951, 2, 2))
    payers.county.on(date(2025, 9, 3))
    payers.pay(SEPTEMBER, {other: LineState.FAILED})
    with payers.county.work(payers.county.approver) as uow:
        cause = RecoveryCause.DOUBLE_BENEFIT
        owed = claim_back(uow, one, first=SEPTEMBER, last=SEPTEMBER, cause=cause, case_id="case")
        agree(uow, owed, monthly_fen=5_000)
    payers.county.on(date(2025, 10, 3))
    payers.pay(OCTOBER)
    with payers.county.work(payers.reviewer, writing=False) as uow:
        found = {each.came: each.people for each in tallies(uow, HERE, SEPTEMBER)}
        assert found == {Came.PAID: 2}  # one of them in October, with the arrears
        paid = people_paid(uow, HERE, OCTOBER, came=Came.PAID)
        assert sorted(each.lines for each in paid.items) == [1, 9]
        [place] = sums(uow)
        assert (place.fen, place.repaid_fen, place.left_fen) == (11_300, 5_000, 6_300)
        assert [each.instalments for each in owed_in(uow).items] == [2]
        assert [each.fen for each in came_back(uow, owed_of(uow, owed))] == [5_000]
        assert [each["fen"] for each in months_of(uow, owed)] == [11_300]
        assert [(each.people, each.certified) for each in progress(uow, HERE)] == [(2, 2)]
        listed = worklist("not-paid")
        assert count_of(uow, listed, HERE) == 0
        assert lines_of(uow, listed, HERE, most=5) == []
