"""People log in at a township: sessions, lockout, first passwords, forgery, and who does what.

The application is small, the rest is real: migrated SQLite, the gate, the pages, the JSON routes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import Engine
from sqlmodel import Session, select
from starlette.testclient import TestClient

from node.core.db import make_engine
from node.core.divisions import store_divisions
from node.core.edge import House, Who, forgery_guard, install_error_answers
from node.core.errors import Conflict, Forbidden, NotFound, Problems
from node.core.migrate import migrate
from node.core.personal import Keyring
from node.core.work import Actor, UnitOfWork, machine, unit_of_work
from node.identity import (
    gate,
    refuse_same_person,
    require,
    require_duty,
    require_inside,
    service,
    sessions,
)
from node.identity.capability import CAPABILITY
from node.identity.models import User, UserSession
from node.settings import LoginSettings, Settings
from node.web.rendering import Templates
from tiers import Duty, RegionCode, Role

TOWNSHIP = RegionCode("410122001000")
VILLAGE = RegionCode("410122001001")
FOREIGN = RegionCode("410122002001")
PASSWORD = "Qingnian-2026"
NEXT_PASSWORD = "Zhongmu-2027"
LOCK = timedelta(minutes=15)


@dataclass
class Desk:
    """A township node, its clock, and browsers that come to it."""

    app: FastAPI
    engine: Engine
    settings: Settings
    now: datetime = datetime(2026, 3, 2, 1, tzinfo=UTC)
    browsers: list[TestClient] = field(default_factory=list)

    def browser(self, login: str | None = None, password: str = PASSWORD) -> TestClient:
        client = TestClient(self.app, base_url="http://desk.example", follow_redirects=False)
        self.browsers.append(client)
        if login:
            answer = client.post("/login", data={"login": login, "password": password})
            assert answer.status_code == 303, answer.text
        return client

    def work(self, actor: Actor | None = None) -> Any:
        return unit_of_work(
            self.engine,
            actor=actor or machine(TOWNSHIP),
            node=TOWNSHIP,
            now=self.now,
            hosted=frozenset({VILLAGE}),
        )

    def add(
        self, login: str, *roles: Role, scope: RegionCode = TOWNSHIP, first: bool = False
    ) -> str:
        new = service.NewUser(login, f"{login}同志", scope, roles)
        passwords = gate.passwords_of(self.app.state.house)
        with self.work() as uow:
            user = service.add_user(
                uow, new, password=PASSWORD, passwords=passwords, must_change_password=first
            )
        return user.id


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("identity") / "migrated.sqlite"
    engine = make_engine(f"sqlite:///{file}", Keyring.generate())
    migrate(engine)
    store_divisions(engine, TOWNSHIP)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture
def desk(migrated: Path, tmp_path: Path) -> Iterator[Desk]:
    file = tmp_path / "township.sqlite"
    file.write_bytes(migrated.read_bytes())
    settings = Settings(
        region=TOWNSHIP,
        database_url=f"sqlite:///{file}",
        secret_file=tmp_path / "secret",
        login=LoginSettings(cheap_passwords=True),
    )
    engine = make_engine(settings.database_url, Keyring.generate())
    app = FastAPI()
    here = Desk(app, engine, settings)
    app.state.house = House(
        settings=settings,
        engine=engine,
        clock=lambda: here.now,
        gate=gate.SessionGate(),
        renderer=Templates(),
        hosted=lambda: frozenset({VILLAGE}),
        after_commit=lambda: None,
        frame=lambda request, actor: {
            "csrf_token": gate.SessionGate().csrf_token(request) if actor else ""
        },
    )
    install_error_answers(app)
    for router in CAPABILITY.routers():
        app.include_router(router, dependencies=[Depends(forgery_guard)])
    app.add_api_route("/cases", _cases)
    yield here
    for browser in here.browsers:
        browser.close()
    engine.dispose()


def _cases(actor: Who) -> str:
    return actor.name


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page
    return found[1]


def log_in(browser: TestClient, login: str, password: str) -> Any:
    return browser.post("/login", data={"login": login, "password": password})


def test_a_clerk_logs_in_and_lands_on_the_wanted_page(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser()
    turned_away = browser.get("/cases")
    assert turned_away.headers["location"] == "/login?next=/cases"
    form = browser.get("/login?next=/cases")
    assert 'name="after" value="/cases"' in form.text

    answer = browser.post(
        "/login", data={"login": " CLERK ", "password": PASSWORD, "after": "/cases"}
    )

    assert answer.headers["location"] == "/cases"
    assert browser.get("/cases").json() == "clerk同志"
    assert browser.get("/login").headers["location"] == "/"


def test_the_cookie_is_closed_to_scripts_and_names_its_node(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    cookie = log_in(desk.browser(), "clerk", PASSWORD).headers["set-cookie"]
    assert cookie.startswith(f"wuji_{TOWNSHIP}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_under_https_the_cookie_is_secure_and_bound_to_its_host(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    login = desk.settings.login.model_copy(update={"secure_cookie": True})
    desk.app.state.house.settings = desk.settings.model_copy(update={"login": login})
    cookie = log_in(desk.browser(), "clerk", PASSWORD).headers["set-cookie"]
    assert cookie.startswith("__Host-wuji_")
    assert "Secure" in cookie
    assert "Path=/;" in cookie


def test_the_token_itself_is_stored_nowhere(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser("clerk")
    token = browser.cookies[f"wuji_{TOWNSHIP}"]
    with Session(desk.engine) as session:
        stored = session.exec(select(UserSession)).one()
        user = session.exec(select(User)).one()
    assert stored.token_hash == sessions.fingerprint(token)
    assert token not in stored.model_dump_json()
    assert PASSWORD not in user.model_dump_json()


def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    wrong = log_in(desk.browser(), "clerk", "wrong")
    unknown = log_in(desk.browser(), "nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text == unknown.text.replace("nobody", "clerk")
    assert "用户名或口令不正确" in wrong.text


def test_a_refused_login_keeps_the_login_and_never_the_password(desk: Desk) -> None:
    answer = log_in(desk.browser(), "clerk", "Secret-typed-1")
    assert 'value="clerk"' in answer.text
    assert "Secret-typed-1" not in answer.text
    assert 'id="password-error"' in answer.text


def test_an_empty_login_form_shows_an_error_at_each_field(desk: Desk) -> None:
    answer = log_in(desk.browser(), "", "")
    assert 'id="login-error">请填写用户名' in answer.text
    assert 'id="password-error">请填写口令' in answer.text


def test_five_failures_lock_and_the_right_password_does_not_help(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser()
    answers = [log_in(browser, "clerk", "wrong").status_code for _ in range(5)]
    assert answers == [422, 422, 422, 422, 403]

    locked = log_in(browser, "clerk", PASSWORD)
    assert locked.status_code == 403
    assert "已锁定，09:15 后再试" in locked.text

    desk.now += LOCK
    assert log_in(browser, "clerk", PASSWORD).status_code == 303


def test_a_good_login_in_between_begins_the_count_anew(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser()
    for _ in range(2):
        assert {log_in(browser, "clerk", "wrong").status_code for _ in range(4)} == {422}
        assert log_in(browser, "clerk", PASSWORD).status_code == 303


def test_a_guess_that_was_verified_before_the_lock_fell_is_refused_after_it(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    settings = desk.settings.login
    with desk.work() as uow:
        early = sessions.candidate(uow, "clerk")
    for _ in range(5):
        log_in(desk.browser(), "clerk", "wrong")
    with desk.work() as uow:
        answer = sessions.sign_in(uow, early, matches=True, settings=settings)
    assert isinstance(answer, Forbidden)


def test_a_session_ends_when_it_is_idle_and_when_its_day_is_over(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    idle, busy = desk.browser("clerk"), desk.browser("clerk")
    for _ in range(6):
        desk.now += timedelta(minutes=110)
        assert busy.get("/cases").status_code == 200
    assert idle.get("/cases").status_code == 303
    desk.now += timedelta(minutes=61)
    assert busy.get("/cases").status_code == 303


def test_expired_sessions_are_swept(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    desk.browser("clerk")
    desk.now += timedelta(hours=13)
    desk.browser("clerk")
    with desk.work() as uow:
        assert CAPABILITY.jobs[0].run(uow) == "清理过期会话 1 个"
    with Session(desk.engine) as session:
        assert len(session.exec(select(UserSession)).all()) == 1


def test_logging_out_ends_the_session_on_the_server(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser("clerk")
    token = browser.cookies[f"wuji_{TOWNSHIP}"]
    csrf = token_in(browser.get("/password").text)

    answer = browser.post("/logout", data={"csrf_token": csrf})

    assert answer.headers["location"] == "/login"
    stolen = desk.browser()
    stolen.cookies.set(f"wuji_{TOWNSHIP}", token)
    assert stolen.get("/cases").status_code == 303


def test_a_first_password_leads_to_its_change_and_nowhere_else(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK, first=True)
    browser = desk.browser("clerk")
    assert browser.get("/cases").headers["location"] == "/password"
    assert browser.get("/api/identity/users").json()["title"] == "请先修改初始口令"

    page = browser.get("/password")
    assert "首次登录" in page.text
    typed = {"current": PASSWORD, "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}
    answer = browser.post("/password", data=typed | {"csrf_token": token_in(page.text)})

    assert answer.headers["location"] == "/"
    assert browser.get("/cases").status_code == 200
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 422
    assert log_in(desk.browser(), "clerk", NEXT_PASSWORD).status_code == 303


def test_changing_the_password_ends_every_other_session(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    here, elsewhere = desk.browser("clerk"), desk.browser("clerk")
    before = here.cookies[f"wuji_{TOWNSHIP}"]
    typed = {"current": PASSWORD, "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}
    here.post("/password", data=typed | {"csrf_token": token_in(here.get("/password").text)})
    assert here.get("/cases").status_code == 200
    assert here.cookies[f"wuji_{TOWNSHIP}"] != before
    assert elsewhere.get("/cases").status_code == 303


@pytest.mark.parametrize(
    ("typed", "field_id", "complaint"),
    [
        ({"current": "wrong"}, "current", "现用口令不正确"),
        ({"password": "short", "again": "short"}, "password", "至少 10 位"),
        ({"password": PASSWORD, "again": PASSWORD}, "password", "不能与现用口令相同"),
        ({"again": "Other-2026-x"}, "again", "不一致"),
    ],
)
def test_a_refused_change_says_why_at_the_field(
    desk: Desk, typed: dict[str, str], field_id: str, complaint: str
) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser("clerk")
    good = {"current": PASSWORD, "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}
    csrf = {"csrf_token": token_in(browser.get("/password").text)}
    answer = browser.post("/password", data=good | typed | csrf)
    assert answer.status_code == 422
    assert re.search(rf'id="{field_id}-error">[^<]*{complaint}', answer.text)
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 303


def test_guessing_the_current_password_from_an_open_session_locks_and_ends_it(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    browser = desk.browser("clerk")
    csrf = token_in(browser.get("/password").text)
    typed = {"current": "wrong", "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}
    for _ in range(5):
        browser.post("/password", data=typed | {"csrf_token": csrf})
    assert browser.get("/cases").status_code == 303
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 403


def new_user_form(csrf: str) -> dict[str, Any]:
    return {"login": "xin", "name": "新人", "roles": ["clerk"], "csrf_token": csrf}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused_even_with_the_token(
    desk: Desk, headers: dict[str, str]
) -> None:
    desk.add("admin1", Role.ADMINISTRATOR)
    browser = desk.browser("admin1")
    form = new_user_form(token_in(browser.get("/password").text))
    answer = browser.post("/identity/users", data=form, headers=headers)
    assert answer.status_code == 403
    assert browser.get("/api/identity/users").json()[-1]["login"] == "admin1"
    assert log_in(desk.browser(), "xin", "any").status_code == 422


@pytest.mark.parametrize("csrf", ["", "wrong", "口令"])
def test_a_form_without_the_token_of_its_session_is_refused(desk: Desk, csrf: str) -> None:
    desk.add("admin1", Role.ADMINISTRATOR)
    browser = desk.browser("admin1")
    answer = browser.post("/identity/users", data=new_user_form(csrf))
    assert answer.status_code == 403
    assert "刷新页面" in answer.text


def test_a_login_from_another_site_is_refused(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    answer = desk.browser().post(
        "/login",
        data={"login": "clerk", "password": PASSWORD},
        headers={"origin": "http://elsewhere.example"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_an_administrator_adds_a_coordinator_for_a_hosted_village(desk: Desk) -> None:
    desk.add("admin1", Role.ADMINISTRATOR)
    browser = desk.browser("admin1")
    page = browser.get("/identity/users/new").text
    assert "协管员" in page

    form = {"login": "cun", "name": "村协管", "scope": VILLAGE, "roles": ["coordinator"]}
    shown = browser.post("/identity/users", data=form | {"csrf_token": token_in(page)})

    first = re.search(r"\b\w{4}-\w{4}-\w{4}-\w{4}\b", shown.text)
    assert first
    coordinator = desk.browser()
    assert log_in(coordinator, "cun", first[0]).headers["location"] == "/password"
    assert "村协管" in browser.get("/identity/users").text


def test_a_refused_new_user_keeps_what_was_typed(desk: Desk) -> None:
    desk.add("admin1", Role.ADMINISTRATOR)
    browser = desk.browser("admin1")
    csrf = token_in(browser.get("/identity/users/new").text)
    form = {"login": "王", "name": "王某", "scope": VILLAGE, "roles": ["clerk"]}
    answer = browser.post("/identity/users", data=form | {"csrf_token": csrf})
    assert answer.status_code == 422
    assert 'value="王某"' in answer.text
    assert re.search(r'value="clerk" checked', answer.text)
    assert 'id="login-error"' in answer.text
    assert "村级没有这个岗位" in answer.text


@pytest.mark.parametrize(
    ("over", "complaint"),
    [
        ({"scope": FOREIGN}, "负责区域"),
        ({"scope": "4101"}, "12 位"),
        ({"roles": ()}, "至少选择一个岗位"),
        ({"roles": (Role.APPROVER,)}, "乡级没有这个岗位"),
        ({"roles": (Role.CLERK, Role.ADMINISTRATOR)}, "不得兼任业务岗位"),
        ({"name": "  "}, "请填写姓名"),
    ],
)
def test_what_no_user_of_this_node_can_be_is_refused(
    desk: Desk, over: dict[str, Any], complaint: str
) -> None:
    form: dict[str, Any] = {
        "login": "xin",
        "name": "新人",
        "scope": TOWNSHIP,
        "roles": (Role.CLERK,),
    }
    passwords = gate.passwords_of(desk.app.state.house)
    with desk.work() as uow, pytest.raises(Problems) as refused:
        service.add_user(
            uow, service.NewUser(**form | over), password=PASSWORD, passwords=passwords
        )
    assert complaint in "；".join(problem.message for problem in refused.value.problems)


def test_a_login_is_given_once(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    with pytest.raises(Conflict, match="已有人使用"):
        desk.add("Clerk", Role.CLERK)


def test_only_administrators_see_and_change_users(desk: Desk) -> None:
    user_id = desk.add("clerk", Role.CLERK)
    browser = desk.browser("clerk")
    csrf = {"csrf_token": token_in(browser.get("/password").text)}
    assert browser.get("/identity/users").status_code == 403
    assert browser.get("/identity/users/new").status_code == 403
    for act in ("roles", "dismissal", "return", "unlock", "password"):
        answer = browser.post(f"/identity/users/{user_id}/{act}", data=csrf)
        assert answer.status_code == 403, act


def test_a_dismissed_person_is_out_at_once_and_can_come_back(desk: Desk) -> None:
    user_id = desk.add("clerk", Role.CLERK)
    desk.add("admin1", Role.ADMINISTRATOR)
    clerk, admin = desk.browser("clerk"), desk.browser("admin1")
    csrf = {"csrf_token": token_in(admin.get("/password").text)}

    admin.post(f"/identity/users/{user_id}/dismissal", data=csrf)
    assert clerk.get("/cases").status_code == 303
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 422
    assert "已停用" in admin.get(f"/identity/users/{user_id}").text

    admin.post(f"/identity/users/{user_id}/return", data=csrf)
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 303


def test_an_administrator_unlocks_and_resets(desk: Desk) -> None:
    user_id = desk.add("clerk", Role.CLERK)
    desk.add("admin1", Role.ADMINISTRATOR)
    admin = desk.browser("admin1")
    csrf = {"csrf_token": token_in(admin.get("/password").text)}
    for _ in range(5):
        log_in(desk.browser(), "clerk", "wrong")
    assert "解除锁定" in admin.get(f"/identity/users/{user_id}").text

    admin.post(f"/identity/users/{user_id}/unlock", data=csrf)
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 303

    admin.post(f"/identity/users/{user_id}/password", data=csrf)
    assert log_in(desk.browser(), "clerk", PASSWORD).status_code == 422


def test_new_posts_hold_from_the_next_request_on(desk: Desk) -> None:
    user_id = desk.add("second", Role.CLERK)
    desk.add("admin1", Role.ADMINISTRATOR)
    second, admin = desk.browser("second"), desk.browser("admin1")
    assert second.get("/identity/users").status_code == 403
    csrf = {"csrf_token": token_in(admin.get("/password").text)}
    form = csrf | {"roles": ["administrator"]}
    assert admin.post(f"/identity/users/{user_id}/roles", data=form).status_code == 303
    assert second.get("/identity/users").status_code == 200

    both = csrf | {"roles": ["administrator", "clerk"]}
    refused = admin.post(f"/identity/users/{user_id}/roles", data=both)
    assert refused.status_code == 422
    assert "不得兼任业务岗位" in refused.text


def test_nobody_changes_their_own_posts(desk: Desk) -> None:
    user_id = desk.add("admin1", Role.ADMINISTRATOR)
    admin = desk.browser("admin1")
    csrf = {"csrf_token": token_in(admin.get("/password").text)}
    answer = admin.post(f"/identity/users/{user_id}/roles", data=csrf | {"roles": ["clerk"]})
    assert answer.status_code == 403
    assert "另一位系统管理员" in answer.text


def test_people_read_what_their_post_is_for(desk: Desk) -> None:
    desk.add("clerk", Role.CLERK)
    page = desk.browser("clerk").get("/identity/me").text
    assert "初审员" in page
    assert Role.CLERK.description in page


def test_a_program_logs_in_and_works_with_the_header(desk: Desk) -> None:
    desk.add("admin1", Role.ADMINISTRATOR)
    program = desk.browser()
    assert program.get("/api/identity/session").status_code == 401
    begun = program.post("/api/identity/session", json={"login": "admin1", "password": PASSWORD})
    assert begun.status_code == 201
    token = begun.json()["csrf_token"]
    assert program.get("/api/identity/session").json()["csrf_token"] == token

    body = {"login": "xin", "name": "新人", "roles": ["clerk"]}
    refused = program.post("/api/identity/users", json=body)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"

    header = {"X-CSRF-Token": token}
    added = program.post("/api/identity/users", json=body, headers=header)
    assert added.status_code == 201
    assert log_in(desk.browser(), "xin", added.json()["first_password"]).status_code == 303

    assert program.delete("/api/identity/session", headers=header).status_code == 204
    assert program.get("/api/identity/session").status_code == 401


def test_a_program_changes_its_first_password(desk: Desk) -> None:
    desk.add("admin1", Role.ADMINISTRATOR, first=True)
    program = desk.browser()
    begun = program.post("/api/identity/session", json={"login": "admin1", "password": PASSWORD})
    assert begun.json()["must_change_password"] is True
    changed = program.post(
        "/api/identity/password",
        json={"current": PASSWORD, "password": NEXT_PASSWORD},
        headers={"X-CSRF-Token": begun.json()["csrf_token"]},
    )
    assert changed.json()["must_change_password"] is False
    assert program.get("/api/identity/users").status_code == 200


def test_failures_are_counted_and_sessions_found_on_either_database(database_url: str) -> None:
    engine = make_engine(database_url, Keyring.generate())
    migrate(engine)
    now, settings = datetime(2026, 3, 2, tzinfo=UTC), LoginSettings()
    passwords = gate.Passwords(cheap=True)

    def work() -> Any:
        return unit_of_work(engine, actor=machine(TOWNSHIP), node=TOWNSHIP, now=now)

    with work() as uow:
        new = service.NewUser("clerk", "初审", TOWNSHIP, [Role.CLERK])
        service.add_user(uow, new, password=PASSWORD, passwords=passwords)
    with work() as uow:
        who = sessions.candidate(uow, "clerk")
        signed = sessions.sign_in(uow, who, matches=True, settings=settings)
        assert isinstance(signed, sessions.SignedIn)
    with Session(engine) as session:
        login = sessions.find_login(session, signed.token, now=now, settings=settings)
    assert login is not None
    assert login.actor.roles == {Role.CLERK}
    for _ in range(5):
        with work() as uow:
            refusal = sessions.sign_in(uow, who, matches=False, settings=settings)
    assert isinstance(refusal, Forbidden)
    engine.dispose()


def as_person(uow: UnitOfWork, *roles: Role, scope: RegionCode = TOWNSHIP) -> UnitOfWork:
    uow.actor = Actor("me", "我", frozenset(roles), scope)
    return uow


def test_services_let_only_the_right_posts_go_on(desk: Desk) -> None:
    with desk.work() as uow:
        require(uow, Role.APPROVER)  # the node itself may
        as_person(uow, Role.CLERK)
        require(uow, Role.CLERK, Role.APPROVER)
        require_duty(uow, Duty.FIRST_REVIEW)
        with pytest.raises(Forbidden, match="审批员"):
            require(uow, Role.APPROVER)
        with pytest.raises(Forbidden, match="您的岗位不能办理"):
            require_duty(uow, Duty.APPROVE)


def test_a_hosted_coordinator_sees_nothing_of_the_next_village(desk: Desk) -> None:
    with desk.work() as uow:
        as_person(uow, Role.COORDINATOR, scope=VILLAGE)
        require_inside(uow, VILLAGE)
        with pytest.raises(NotFound):
            require_inside(uow, RegionCode("410122001002"))
        with pytest.raises(NotFound):
            require_inside(uow, TOWNSHIP)


def test_whoever_entered_a_case_does_not_approve_it_in_plain_chinese(desk: Desk) -> None:
    done = [("me", Duty.ENTER), ("another", Duty.REVIEW)]
    with desk.work() as uow:
        as_person(uow, Role.APPROVER)
        with pytest.raises(Forbidden, match="您已办理该业务的录入，不能再审批"):
            refuse_same_person(uow, Duty.APPROVE, done)
        refuse_same_person(uow, Duty.APPROVE, done[1:])
        refuse_same_person(uow, Duty.ENTER, done)
