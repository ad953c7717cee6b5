"""What the checks of transfers find when something is wrong, on both databases."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from node.transfers.records import take
from node.transfers.rules import Step
from node.transfers.verify import findings
from tests.fixtures.county import County, closing, open_county

JIYUAN = "419001000000"
WHO = {"name": "赵样本", "citizen_number": "410199198505050018"}


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url, policy=False)
    with closing(found.office):
        found.on(date(2026, 7, 6))
        yield found


def broken(county: County) -> set[str]:
    with county.work() as uow:
        return {each.name for each in findings(uow) if not each.ok}


def test_a_release_without_books_and_with_somebody_still_here_is_found(county: County) -> None:
    assert broken(county) == set()
    (account,) = county.enrol(date(1985, 5, 5))
    with county.work() as uow:
        enrolment = uow.connection.execute(text("SELECT id FROM enrolment")).scalar_one()
        row = {
            "id": "t1",
            "from_county": str(uow.node),
            "to_county": JIYUAN,
            "village": "410122100201",
            "fen": 100,
            "account_no": account,
            "enrolment_id": enrolment,
        }
        take(uow, Step.RELEASED, row, WHO)
    assert broken(county) == {
        "关系转出：转出额等于个人账户记账",
        "在途转移款等于已转出未付款",
        "关系转移：转出的已终止，接收的已参保",
    }


@pytest.mark.parametrize(
    "change", ["UPDATE transfer_step SET fen = 1", "DELETE FROM transfer_step"]
)
def test_what_was_said_stands(county: County, change: str) -> None:
    with county.work() as uow:
        row = {"id": "t1", "from_county": JIYUAN, "to_county": str(uow.node)}
        take(uow, Step.ASKED, row | {"village": "410122100201"}, WHO)
    with county.work() as uow, pytest.raises(IntegrityError, match="只增不改"):
        uow.connection.execute(text(change))
