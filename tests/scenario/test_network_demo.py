"""The demo as a stranger runs it, and what its proofs say once somebody has touched a store."""

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from node.cases.models import Case
from node.demo.plan import HANSI, PROVINCE, ZHONGMU, make_plan
from node.demo.proofs import all_proofs
from node.demo.stage import Stage
from node.demo.world import World
from node.registry.models import Person
from node.transfers.models import TransferStep
from tests.fixtures.network import Played, wuji
from tiers import RegionCode

Touch = Callable[[sqlite3.Connection], object]


def test_the_demo_plays_a_year_and_proves_it(played_year: Played) -> None:
    done = played_year.ended
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(r"(\d+) 项核验，(\d+) 项成立", done.stdout)
    assert said
    assert said[1] == said[2]
    assert "✗" not in done.stdout


def test_every_node_of_the_demo_proves_itself_again_by_command(played_year: Played) -> None:
    for code in (PROVINCE, ZHONGMU):
        done = wuji("verify", "--config", played_year.folder / f"{code}.toml")
        assert (done.returncode, "✗" in done.stdout) == (0, False), done.stdout


def _flip_a_byte_of_a_body(store: sqlite3.Connection) -> None:
    wanted = "SELECT position, body FROM sync_segment WHERE body IS NOT NULL ORDER BY bytes DESC"
    position, body = store.execute(wanted).fetchone()
    middle = len(body) // 2
    flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    store.execute("UPDATE sync_segment SET body = ? WHERE position = ?", (flipped, position))


def _change_a_header(store: sqlite3.Connection) -> None:
    store.execute(
        "UPDATE sync_segment SET header = CAST(replace(header, '2025-', '2024-') AS BLOB)"
        " WHERE position = (SELECT min(position) FROM sync_segment)"
    )


def _raise_a_posting(store: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.DatabaseError):  # the triggers; a thief with the file drops them
        store.execute("UPDATE posting SET fen = fen + 1")
    _drop_triggers(store)
    mine = f"county_code = '{ZHONGMU}'"
    first = f"SELECT entry_no, line_no FROM posting WHERE {mine} ORDER BY entry_no, line_no LIMIT 1"
    where = f"{mine} AND (entry_no, line_no) = ({first})"
    assert store.execute(f"UPDATE posting SET fen = fen + 100 WHERE {where}").rowcount == 1


def _drop_triggers(store: sqlite3.Connection) -> None:
    for (name,) in store.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        store.execute(f"DROP TRIGGER {name}")


def _lose_a_bank_result(store: sqlite3.Connection) -> None:
    _drop_triggers(store)
    assert store.execute("DELETE FROM bank_result").rowcount


def _report_one_more(store: sqlite3.Connection) -> None:
    store.execute(
        "UPDATE statistics_report SET measures ="
        " json_set(measures, '$.enrolled', json_extract(measures, '$.enrolled') + 1)"
    )


def _forget_a_person(store: sqlite3.Connection) -> None:
    store.execute("DELETE FROM enrolment WHERE rowid = (SELECT min(rowid) FROM enrolment)")


@pytest.mark.parametrize(
    ("code", "touch", "named"),
    [
        (HANSI, _flip_a_byte_of_a_body, "✗ 签名、链和回执"),
        (ZHONGMU, _change_a_header, "✗ 签名、链和回执"),
        (ZHONGMU, _raise_a_posting, "✗ 每张凭证的个人账户记账等于控制科目"),
        (ZHONGMU, _lose_a_bank_result, "✗ 每张凭证都有业务、批次或文件为据"),
        (PROVINCE, _raise_a_posting, "✗ 个人账户记账与县级签名的记录一致"),
        (PROVINCE, _report_one_more, "上报与签名的记录：enrolled"),
        (PROVINCE, _forget_a_person, "与逐笔重算一致：enrolled"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_verify_names_what_was_touched(
    played_year: Played, tmp_path: Path, code: RegionCode, touch: Touch, named: str
) -> None:
    config = _copy_of(played_year.folder, tmp_path, code)
    with closing(sqlite3.connect(tmp_path / f"{code}.sqlite")) as store, store:
        touch(store)

    done = wuji("verify", "--config", config)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("✗") and named in line]


def test_the_demos_own_proofs_fail_where_a_store_was_touched(
    played_year: Played, tmp_path: Path
) -> None:
    """What `wuji demo` ends with 1 for: one node's ledger, and the sum that no longer holds."""
    folder = tmp_path / "demo"
    shutil.copytree(played_year.folder, folder)
    for config in folder.glob("*.toml"):
        config.write_text(config.read_text().replace(str(played_year.folder), str(folder)))
    with closing(sqlite3.connect(folder / f"{ZHONGMU}.sqlite")) as store, store:
        _raise_a_posting(store)
    stage = Stage(World(make_plan(folder)), seed=2026, people=played_year.people)
    villages = stage.world.plan.villages
    stage.facts["claims"] = {v.code: {"accepted": _claims(stage, v.node, v.code)} for v in villages}
    stage.facts["changes"] = {v.code: CHANGES for v in villages}
    stage.facts["moved"] = _moved(stage)

    proofs = all_proofs(stage, lambda _what, _share: None)

    failed = Counter(proof.node for proof in proofs if not proof.ok)
    assert set(failed) >= {"中牟县（县级）", "河南省"}
    assert not {"济源市（县级）", "荣庄村委会（村级）"} & set(failed)


CHANGES = range(7)  # six matters about somebody and a complaint


def _moved(stage: Stage) -> dict[str, str]:
    """The transfer of the demo's year and who it moved, as the county they left has it."""
    opened = stage.world.open(stage.world.plan.post(ZHONGMU))
    with opened.work(writing=False) as uow:
        step = uow.session.scalars(select(TransferStep).limit(1)).one()
        person = select(Person).where(col(Person.citizen_index) == step.citizen_index)
        number = uow.session.scalars(person).one().citizen_number
    opened.engine.dispose()
    return {"transfer": step.id, "citizen_number": number}


def _claims(stage: Stage, node: RegionCode, village: RegionCode) -> int:
    opened = stage.world.open(stage.world.plan.post(node))
    wanted = select(func.count()).where(Case.matter == "benefit_claim", Case.village == village)
    with opened.engine.connect() as connection:
        found = connection.execute(wanted).scalar_one()
    opened.engine.dispose()
    return int(found)


def _copy_of(source: Path, folder: Path, code: RegionCode) -> Path:
    """One node's files in another folder; its configuration."""
    for file in source.glob(f"{code}.*"):
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copy(source / "clock", folder)
    config = folder / f"{code}.toml"
    config.write_text(config.read_text().replace(str(source), str(folder)))
    return config
