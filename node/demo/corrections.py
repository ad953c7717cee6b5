"""The demo's correction across years: a receipt that turns up after the year was settled."""

from node.demo.acts import COUNTIES, PREFIX
from node.demo.bulletins import YEAR
from node.demo.stage import Progress, Stage

MISSED_FEN = 10_000


def correct(stage: Stage, progress: Progress) -> None:
    """A collective subsidy of June was not booked: asked by one, posted by another, in January."""
    stage.world.set_day(YEAR + 1, 1, 6)
    path = "/api/accounts/late-postings"
    for number, county in enumerate(COUNTIES):
        asked = stage.desk(county, f"{PREFIX[county]}-account").post(
            path,
            {
                "number": "1",
                "source": "collective",
                "fen": MISSED_FEN,
                "paid_on": f"{YEAR}-06-10",
                "reason": "村集体补助回单漏记",
            },
        )
        approver = stage.desk(county, f"{PREFIX[county]}-approve")
        approver.post(f"{path}/{asked['id']}/approval")
        progress(f"{county} 跨年更正", (number + 1) / len(COUNTIES))
