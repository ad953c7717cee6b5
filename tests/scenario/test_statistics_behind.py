"""A figure of the province opens down to the signed record behind each of its lines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from node.accounts.models import Account, Posting
from node.accounts.signed import altered
from node.accounts.verify import verify
from node.core.models import AccessLog
from node.statistics import cells, figures, provenance, stale
from node.statistics.behind import Behind, Line, behind
from node.statistics.models import StatisticsReport
from node.statistics.rules import MEASURES, Period
from tests.fixtures.counted import CITY, COUNTY, PROVINCE, VILLAGE, YEAR, Story, counted
from tests.fixtures.county_site import words
from tests.fixtures.sites import Site
from tiers import RegionCode, Role


@pytest.fixture(scope="module")
def story(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with counted(migrated_sqlite, tmp_path_factory.mktemp("behind")) as told:
        yield told


def look(
    story: Story, measure: str, period: Period = YEAR, *, account: int | None = None
) -> Behind:
    with story.province.node.work() as uow:
        chosen = next(m for m in MEASURES if m.name == measure)
        return behind(uow, VILLAGE, period, chosen, account_no=account)


@pytest.mark.parametrize("measure", [m.name for m in MEASURES])
@pytest.mark.parametrize("period", [YEAR, Period(2025, 3), Period(2025, 12)], ids=str)
def test_the_lines_of_every_figure_add_up_to_it(story: Story, measure: str, period: Period) -> None:
    found = look(story, measure, period)
    with story.province.node.work() as uow:
        assert found.figure == figures.whole(uow, VILLAGE, period)[measure]
    assert found.adds_up
    assert sum(line.amount for line in found.lines.items) == found.figure
    assert all(line.person is not None for line in found.lines.items)


def test_the_story_has_something_behind_the_figures(story: Story) -> None:
    filled = {m.name for m in MEASURES if look(story, m.name).lines.items}
    assert filled == {m.name for m in MEASURES} - {"left"}


def proof(story: Story, line: Line) -> provenance.Proof:
    kind, county, key = line.proof.split("/")
    assert kind == "posting"
    replica = story.province.replica
    with story.province.node.work() as uow:
        posting = uow.get(Posting, county, *map(int, key.split("-")))
        return provenance.of_posting(uow, replica, posting)


def test_every_posting_behind_a_balance_is_proved_by_the_countys_signature(story: Story) -> None:
    accounts = look(story, "balance_fen").lines.items
    assert len(accounts) == 3
    kinds = set()
    for account in accounts:
        lines = look(story, "balance_fen", account=account.account_no).lines.items
        assert sum(line.amount for line in lines) == account.amount
        for line in lines:
            found = proof(story, line)
            assert found.holds, (line, found.differences, found.problems)
            assert found.trace.stream[0::2] == (COUNTY, "up/province")
            assert found.trace.record.region == VILLAGE
            kinds.add(line.kind)
    assert kinds == {"contribution", "make_up", "subsidy", "interest", "settlement"}


def test_people_and_pensions_are_proved_too(story: Story) -> None:
    province = story.province
    with province.node.work() as uow:
        for enrolment in uow.session.scalars(select(provenance.Enrolment)):
            assert provenance.of_enrolment(uow, province.replica, enrolment).holds
        for pension in uow.session.scalars(select(provenance.Entitlement)):
            assert provenance.of_entitlement(province.replica, pension).holds
        (report,) = uow.session.scalars(select(StatisticsReport))
        found = provenance.of_report(province.replica, report)
        assert found.holds
        assert found.trace.stream.origin == COUNTY
        report.measures = {**report.measures, "enrolled": 4}
        touched = provenance.of_report(province.replica, report)
        assert touched.differences == [("enrolled", "3", "4")]
        uow.session.expunge_all()


def test_a_posting_that_was_touched_is_named_by_its_proof(story: Story) -> None:
    line = look(story, "contributions_fen").lines.items[0]
    county, key = line.proof.split("/")[1:]
    province = story.province
    with province.node.work(writing=False) as uow:
        posting = uow.get(Posting, county, *map(int, key.split("-")))
        uow.session.expunge(posting)
        posting.fen += 100
        found = provenance.of_posting(uow, province.replica, posting)
    assert not found.holds
    assert found.problems == []
    assert found.differences == [("fen", "20000", "20100")]


def test_who_moved_away_takes_the_balance_and_leaves_what_was_paid(story: Story) -> None:
    province, everything = story.province, look(story, "balance_fen").amount
    move(province, VILLAGE, "410122101206", 1)
    try:
        left = look(story, "balance_fen")
        assert left.adds_up
        assert left.amount < everything
        assert len(left.lines.items) == 2
        paid = look(story, "contributions_fen")
        assert paid.adds_up
        assert len(paid.lines.items) == 17
    finally:
        move(province, "410122101206", VILLAGE, 1)
    assert look(story, "balance_fen").amount == everything


def move(site: Site, here: str, there: str, account_no: int) -> None:
    mine = (Account.account_no == account_no) & (Account.village == here)
    with site.node.work() as uow:
        uow.connection.execute(update(Account).where(mine).values(village=there))  # type: ignore[arg-type]
        stale.mark_everything(uow, [RegionCode(COUNTY)])
    with site.node.work() as uow:
        cells.refresh(uow)


def test_the_pages_lead_down_and_back_and_looking_is_recorded(story: Story) -> None:
    reader = story.province.browser("tongji", Role.STATISTICIAN)
    query = f"region={VILLAGE}&year=2025&month=0&measure=payers"
    listed = reader.get(f"/statistics/behind?{query}")
    assert listed.status_code == 200
    assert "逐条之和等于这个数字" in listed.text
    assert "4101991980" not in listed.text  # masked
    assert f"/statistics?region={PROVINCE}&amp;year=2025" in listed.text
    shown = reader.get(f"/statistics/proof/{look(story, 'payers').lines.items[0].proof}?{query}")
    assert "签名成立，与账簿一致" in shown.text
    assert "up/province" in shown.text
    overview = reader.get(f"/statistics?region={VILLAGE}&year=2025").text
    assert f"/statistics/behind?region={VILLAGE}&amp;year=2025&amp;month=0&amp;measure=payers" in (
        overview
    )
    with story.province.node.work() as uow:
        looks = [
            entry.what
            for entry in uow.session.scalars(select(AccessLog))
            if entry.actor_name == "tongji同志"
        ]
    assert looks == ["2025 年“缴费人数”背后的名单第 1 页，3 条", "凭证 1 第 1 行及其证明"]


def test_who_works_elsewhere_or_keeps_the_machine_sees_nothing(story: Story) -> None:
    query = f"region={VILLAGE}&year=2025&month=0&measure=payers"
    elsewhere = query.replace(VILLAGE, "410203100201")
    inspector = story.sites[CITY].browser("jihe", Role.INSPECTOR)
    keeper = story.province.browser("guanli", Role.ADMINISTRATOR)
    assert inspector.get(f"/statistics/behind?{query}").status_code == 200
    assert inspector.get(f"/statistics/behind?{elsewhere}").status_code == 403
    assert keeper.get(f"/statistics/behind?{query}").status_code == 403
    path = look(story, "payers").lines.items[0].proof
    assert keeper.get(f"/statistics/proof/{path}").status_code == 403


def test_a_figure_is_told_by_what_people_are(story: Story) -> None:
    reader = story.province.browser("fenzu", Role.STATISTICIAN)
    shown = words(reader.get("/statistics/shares?year=2025&measure=payers&dimension=born").text)
    assert "各组之和等于总数" in shown
    for band in ("30–44", "45–59", "60–69"):
        assert f"{band} 1 33.3%" in shown
    assert "郑州市 1 1 1 3" in shown
    assert "200.00 3" in shown
    assert reader.get("/statistics/shares?measure=balance_fen").status_code == 422


def test_amounts_that_changed_places_are_named_though_every_sum_holds(story: Story) -> None:
    """Two people's contributions of one voucher swapped at the province: no balance shows it."""
    province = story.province
    with province.node.work(writing=False) as uow:
        assert list(altered(uow, province.replica)) == []
    first, second = look(story, "contributions_fen").lines.items[:2]
    assert first.account_no != second.account_no
    with province.node.engine.begin() as connection:
        for trigger in ("posting_no_update", "posting_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        _swap(connection, first.account_no, second.account_no)
    with province.node.work(writing=False) as uow:
        assert all(finding.ok for finding in verify(uow) if "控制科目" in finding.name)
        assert list(altered(uow, province.replica)) == [f"{COUNTY} 凭证 1（{VILLAGE}）"]
    with province.node.engine.begin() as connection:
        _swap(connection, first.account_no, second.account_no)


def _swap(connection: Connection, one: int | None, other: int | None) -> None:
    connection.exec_driver_sql(
        "UPDATE posting SET account_no = CASE account_no WHEN ? THEN ? ELSE ? END"
        " WHERE entry_no = 1 AND account_no IN (?, ?)",
        (one, other, one, one, other),
    )
