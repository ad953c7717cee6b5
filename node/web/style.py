"""The living style guide at /style: every component on one page, for people who change them.

`app` adds this router in development only. All names and numbers are invented; citizen numbers
use a county prefix that was never assigned.
"""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from node.core.errors import Invalid
from node.core.paging import Page
from node.web import charts
from node.web.rendering import Templates

NOW = datetime(2026, 3, 15, 1, 41, tzinfo=UTC)
MONTHS = [f"{month}月" for month in range(1, 13)]


def frame() -> dict[str, Any]:
    """A county clerk's frame."""
    return {
        "node": {"name": "示例县", "tier": "县级经办机构"},
        "user": {"key": "lifuhe", "name": "李复核", "role": "复核岗", "href": "/account"},
        "nav": [
            {"href": "/style", "label": "待办", "count": 2},
            {"href": "/people", "label": "参保人"},
            {"href": "/statistics", "label": "统计"},
            {"href": "/network", "label": "网络"},
        ],
        "sync": {"at": NOW, "waiting": 0, "parent": "市级", "ok": True},
        "messages": [{"kind": "done", "text": "已保存。"}],
        "csrf_token": "style",
        "version": "1.4.0",
        "now": NOW,
    }


def sample() -> dict[str, Any]:
    """The content of the style guide."""
    return {
        "cases": _cases(),
        "listed": Page(items=[], number=2, size=50, total=1234),
        "problems": [
            Invalid("死亡日期不能晚于今天（2026年3月15日）", field="died_on"),
            Invalid("请核对后勾选", field="agreed"),
        ],
        "regions": _regions(),
        "nodes": _nodes(),
        "columns": charts.columns(
            ["示例县", "青山县", "临水区"], [("未按时", [142, 1218, 141])], unit="人", limit=1000
        ),
        "stacked": charts.stacked(
            MONTHS,
            [
                ("基础养老金", [21_000_000 + 90_000 * month for month in range(12)]),
                ("个人账户养老金", [6_000_000 + 40_000 * month for month in range(12)]),
                ("丧葬补助金", [900_000] * 12),
            ],
            unit="元",
        ),
        "lines": charts.lines(
            MONTHS,
            [
                ("参保人数", [182_000 + 400 * month for month in range(12)]),
                ("缴费人数", [9_000 * month for month in range(9)] + [None, 92_000, 99_000]),
            ],
            unit="人",
        ),
    }


CASES = """
serial|matter|person|citizen|place|on|days|kind|state|note
0016-5|关系转移|吴样品|419099197001011218|柳河镇 南坡村|2026-03-12|0|mine|待我复核|
0022-8|参保登记|赵样本|419099198802290045|青石乡 桥头村|2026-03-13|3|mine|待我复核|
0007-3|死亡申报|王示例|419099194806052634|柳河镇 南坡村|2026-03-13||wait|退回补正|日期与证明不一致
0004-6|变更登记|孙试用|419099195512123317|城关镇 西街社区|2026-03-11||done|已办结|
0031-0|关系转移|周演示|419099196207190562|青石乡 石门村|2026-03-05|-2|bad|已逾期|等待转入县回复
0032-9|投诉举报|郑草稿|41909919700101053X|青石乡 石门村|2026-03-05||other|草稿|
"""


def _cases() -> list[dict[str, Any]]:
    head, *lines = CASES.strip().splitlines()
    rows = [dict(zip(head.split("|"), line.split("|"), strict=True)) for line in lines]
    return [
        row
        | {
            "number": f"419099-260312-{row['serial']}",
            "days": int(row["days"]) if row["days"] else None,
        }
        for row in rows
    ]


def _regions() -> list[dict[str, Any]]:
    late: dict[str, list[int | None]] = {
        "示例市": [310, 290, 280, 900, 330, 300, 280, 300, 310, 420, 510, 1501],
        "示例县": [80, 90, 120, 60, 70, 80, 50, 90, 80, 90, 100, 142],
        "青山县": [200, 180, 190, 1900, 240, 190, 180, 200, 210, None, 1100, 1218],
        "临水区": [120, 110, 90, 100, 120, 80, 110, 100, 90, 120, 110, 141],
    }
    people = {"示例市": 182_406, "示例县": 71_230, "青山县": 64_118, "临水区": 47_058}
    return [
        {
            "name": name,
            "note": "4 县区中 3 个已报，缺北岭县" if name == "示例市" else "",
            "people": people[name],
            "fen": people[name] * 16_000,
            "rate": 1_000_000 - (row[-1] or 0) * 1_000_000 // people[name],
            "late": row[-1],
            "bars": charts.bars(row, scale=1_900, limit=1_000, label=f"{name}近 12 个月"),
        }
        for name, row in late.items()
    ]


def _nodes() -> list[dict[str, object]]:
    fields = ("depth", "name", "level", "cells", "kind", "state", "here")
    rows = (
        (0, "河南省", "省级", ["刚刚", "0", "1.4.0"], "done", "正常", False),
        (1, "示例市", "市级", ["刚刚", "0", "1.4.0"], "done", "正常", False),
        (2, "示例县", "县级", ["09:41", "0", "1.4.0"], "done", "正常", True),
        (3, "柳河镇", "乡级", ["09:38", "2 条", "1.4.0"], "done", "正常", False),
        (4, "南坡村", "村级", ["昨天 17:52", "4 条", "1.3.2"], "wait", "待升级", False),
        (4, "东岗村", "村级 · 由柳河镇托管", ["09:38", "0", "1.4.0"], "done", "正常", False),
        (3, "青石乡", "乡级", ["3月3日 11:20", "未知", "1.3.2"], "bad", "离线 12 天", False),
    )
    return [dict(zip(fields, row, strict=True)) for row in rows]


def router(templates: Templates) -> APIRouter:
    """The page at /style, and a door that takes its draft."""
    routes = APIRouter()

    @routes.get("/style")
    def style(request: Request) -> HTMLResponse:
        request.state.frame = frame()
        return HTMLResponse(templates.render(request, "style.html", sample()))

    @routes.post("/style/draft", status_code=204)
    def draft() -> None:
        """Takes a draft and forgets it."""

    return routes
