"""Work on a schedule: one scheduler per database, every run recorded.

Several processes may serve one Postgres. Whoever holds the lease row runs the jobs; the lease ends
by itself when its holder dies.
"""

import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from os import getpid
from typing import Any

from sqlmodel import Session, col, select

from node.core.capability import Job
from node.core.errors import NotFound
from node.core.ids import new_id
from node.core.models import JobRun, SchedulerLease
from node.core.work import UnitOfWork

LEASE = "jobs"
LEASE_SECONDS = 60
TICK_SECONDS = 10

Work = Callable[[], AbstractContextManager[UnitOfWork]]

log = logging.getLogger("wuji.jobs")


def holder() -> str:
    """Who we are in the lease row."""
    return f"{socket.gethostname()}:{getpid()}"


def take_lease(session: Session, *, me: str, now: datetime) -> bool:
    """Take or prolong the lease; False while somebody else holds it."""
    lease = session.get(SchedulerLease, LEASE, with_for_update=True)
    if lease is None:
        lease = SchedulerLease(name=LEASE, holder=me, expires_at=now)
        session.add(lease)
    if lease.holder != me and lease.expires_at > now:
        return False
    lease.holder = me
    lease.expires_at = now + timedelta(seconds=LEASE_SECONDS)
    return True


def due_jobs(session: Session, jobs: Sequence[Job], *, now: datetime) -> list[Job]:
    """Jobs whose last run began at least their interval ago."""
    due = []
    for job in jobs:
        last = session.exec(
            select(JobRun.started_at)
            .where(JobRun.job == job.name)
            .order_by(col(JobRun.started_at).desc())
            .limit(1)
        ).first()
        if last is None or now - last >= timedelta(minutes=job.every_minutes):
            due.append(job)
    return due


def run_job(work: Work, job: Job) -> JobRun:
    """Run one job now, in a transaction of its own, and record how it went."""
    with work() as uow:
        run = JobRun(id=new_id(), job=job.name, started_at=uow.now)
        uow.session.add(run)
    outcome, detail = "done", ""
    try:
        with work() as uow:
            detail = job.run(uow)
    except Exception as error:  # noqa: BLE001  # the edge of a job: recorded, shown, tried again
        outcome, detail = "failed", f"{type(error).__name__}: {error}"
        log.warning("job %s failed: %s", job.name, detail)
    with work() as uow:
        stored = uow.get(JobRun, run.id)
        stored.outcome, stored.detail, stored.ended_at = outcome, detail, uow.now
    return stored


def run_by_name(work: Work, jobs: Sequence[Job], name: str) -> JobRun:
    """Run a job by hand.

    Raises:
        NotFound: this node has no such job.
    """
    for job in jobs:
        if job.name == name:
            return run_job(work, job)
    raise NotFound("没有这个定时任务", field="name")


def tick(work: Work, jobs: Sequence[Job]) -> None:
    """Run what is due, if the lease is ours."""
    with work() as uow:
        if not take_lease(uow.session, me=holder(), now=uow.now):
            return
        due = due_jobs(uow.session, jobs, now=uow.now)
    for job in due:
        run_job(work, job)


def start_scheduler(work: Work, jobs: Sequence[Job]) -> Any:
    """An APScheduler that ticks; call `.shutdown(wait=False)` to stop it."""
    from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415  # 0.2 s

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(
        tick,
        "interval",
        seconds=TICK_SECONDS,
        args=(work, jobs),
        max_instances=1,
        coalesce=True,
    )
    scheduler.start()
    return scheduler
