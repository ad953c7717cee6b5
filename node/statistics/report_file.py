"""A report that proves itself: figures of a region, and the signed report of every county in it.

The file needs no network and no store to be checked, only the root's fingerprint, which every node
knows since it joined: each county's figures stand in a line of a segment that the county signed,
and the region's figures are their sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

import sync
from node.core.clock import iso
from node.core.errors import Invalid, NotFound
from node.core.work import UnitOfWork
from node.statistics.records import REPORTED
from node.statistics.rules import NAMES, Period, total
from node.statistics.service import latest_reports
from node.statistics.signed import proof_of
from sync.errors import SyncRefusal
from sync.proof_file import proof_from_json, proof_to_json
from sync.tracing import Trace
from tiers import Level, RegionCode, RegionError

FORMAT = "wuji report 1"
LARGEST = 20_000_000
"""Bytes of a file: 160 counties need one million."""


def report_file(
    uow: UnitOfWork, replica: sync.Replica, region: RegionCode, period: Period
) -> bytes:
    """The file of a region and a period, from the newest report of each of its counties.

    Raises:
        NotFound: no county of the region has reported this period to this node.
    """
    reports = {
        code: report
        for code, report in sorted(latest_reports(uow, period).items())
        if region.contains(RegionCode(code))
    }
    if not reports:
        raise NotFound("这个地区、这个时期还没有县级上报的统计")
    parts = [
        {"county": code, "proof": proof_to_json(proof_of(replica, report))}
        for code, report in reports.items()
    ]
    whole = total(report.measures for report in reports.values())
    content = {
        "format": FORMAT,
        "region": str(region),
        "year": period.year,
        "month": period.month,
        "measures": whole,
        "counties": parts,
        "made_by": str(uow.node),
        "made_at": iso(uow.now),
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file says, and everything in it that does not hold."""

    region: str
    period: Period
    measures: Mapping[str, int]
    counties: Sequence[str]
    problems: Sequence[str]


def verify_file(data: bytes, *, fingerprint: str) -> Verified:
    """Check a report file against the root of this fingerprint, with nothing else at hand.

    Raises:
        Invalid: it is no report file.
    """
    content = _read(data)
    region, period = content["region"], Period(content["year"], content["month"])
    problems: list[str] = []
    parts: dict[str, Mapping[str, int]] = {}
    for part in content["counties"]:
        county = str(part.get("county"))
        if county in parts:
            problems.append(f"{county} 出现了两次")
        parts[county] = {}
        try:
            proof = proof_from_json(part.get("proof"), fingerprint=fingerprint)
        except SyncRefusal as refusal:
            problems.append(f"{county}：{refusal.message}")
            continue
        problems += [f"{county}：{said}" for said in _problems(proof, county, region, period)]
        parts[county] = proof.record.body.get("measures", {})
    added = total(parts.values())
    problems += [
        f"{name}：合计 {content['measures'].get(name)} 不等于各县之和 {added[name]}"
        for name in NAMES
        if content["measures"].get(name) != added[name]
    ]
    return Verified(region, period, content["measures"], sorted(parts), problems)


def _read(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise Invalid(f"文件超过 {LARGEST // 1_000_000} MB，不是统计报告")
    try:
        content = orjson.loads(data)
        known = content["format"] == FORMAT
        RegionCode(content["region"])
        shaped = isinstance(content["measures"], dict) and isinstance(content["counties"], list)
        whole = type(content["year"]) is int and type(content["month"]) is int
        parts = all(isinstance(part, dict) for part in content["counties"])
    except (orjson.JSONDecodeError, KeyError, TypeError, RegionError) as error:
        raise Invalid("这不是统计报告文件，或内容已经损坏") from error
    if not (known and shaped and whole and parts):
        raise Invalid("这不是统计报告文件，或内容已经损坏")
    return dict(content)


def _problems(proof: Trace, county: str, region: str, period: Period) -> Iterator[str]:
    """What is wrong with one county's part."""
    yield from proof.problems()
    record, body = proof.record, proof.record.body
    if record.type != REPORTED.name or proof.stream.origin != record.region:
        yield "证明的不是该县自己的统计上报"
    if record.region != county:
        yield f"证明的是 {record.region} 的上报"
    if RegionCode(record.region).level is not Level.COUNTY:
        yield "不是县级的上报"
    if not RegionCode(region).contains(RegionCode(record.region)):
        yield f"不在 {region} 之内"
    if (body.get("year"), body.get("month")) != (period.year, period.month):
        yield "是另一个时期的上报"
