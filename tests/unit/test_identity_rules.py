"""Logins, passwords and failures: what is accepted and what is said when it is not."""

from datetime import UTC, datetime, timedelta

import pytest

from node.identity.passwords import CHEAP, Passwords, temporary_password
from node.identity.rules import (
    Attempts,
    landing,
    login_problems,
    password_problems,
    sign_in_problems,
    tidy_login,
)

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
LOCK = timedelta(minutes=15)


def said(password: str, *, login: str = "zhangsan") -> str:
    return "；".join(problem.message for problem in password_problems(password, login=login))


@pytest.mark.parametrize("password", ["Henan-2026x", "一二三四五六七八九Ab3", "sixteen letters!"])
def test_a_good_password_is_accepted(password: str) -> None:
    assert said(password) == ""


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("Ab3-short", "至少 10 位"),
        ("x" * 60 + "-Y7" * 30, "最多 128 位"),
        ("nokindsatall", "中的 3 种"),
        ("Zhangsan-2026", "不能包含用户名"),
        ("Xy-123456-zw", "容易猜到"),
        ("Password-2026", "容易猜到"),
        ("Ab3-----xyzw", "4 个相同字符"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, complaint: str) -> None:
    assert complaint in said(password)


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert said("aaaa").count("；") == 2


def test_a_login_of_two_letters_may_turn_up_in_a_password() -> None:
    assert said("Dezhang-2026", login="zh") == ""


@pytest.mark.parametrize("typed", [" ZhangSan ", "ｚｈａｎｇｓａｎ", "zhangsan"])
def test_a_login_is_found_however_it_is_typed(typed: str) -> None:
    assert tidy_login(typed) == "zhangsan"


@pytest.mark.parametrize("login", ["", "z", "张三", "-zhang", "zhang san", "z" * 33])
def test_a_login_that_cannot_be_typed_everywhere_is_refused(login: str) -> None:
    assert [problem.field for problem in login_problems(login)] == ["login"]


def test_an_empty_login_form_names_both_fields() -> None:
    assert [problem.field for problem in sign_in_problems(" ", "")] == ["login", "password"]


def test_the_last_allowed_failure_locks_until_the_time_is_over() -> None:
    attempts = Attempts()
    for _ in range(4):
        attempts = attempts.failed(NOON, limit=5, lock=LOCK)
    assert not attempts.is_locked(NOON)

    attempts = attempts.failed(NOON, limit=5, lock=LOCK)

    assert attempts.is_locked(NOON + LOCK - timedelta(seconds=1))
    assert not attempts.is_locked(NOON + LOCK)
    assert attempts.failed(NOON + LOCK, limit=5, lock=LOCK).failures == 1


@pytest.mark.parametrize(
    "wanted",
    ["", "cases", "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example/"],
)
def test_nobody_is_sent_to_another_site_after_logging_in(wanted: str) -> None:
    assert landing(wanted) == "/"


def test_after_logging_in_people_land_where_they_wanted_to_go() -> None:
    assert landing("/cases?state=review") == "/cases?state=review"


def test_only_the_right_password_verifies() -> None:
    passwords = Passwords(cheap=True)
    stored = passwords.hash("Henan-2026x")
    assert passwords.verify(stored, "Henan-2026x")
    assert not passwords.verify(stored, "Henan-2026X")
    assert not passwords.verify("not a hash", "Henan-2026x")


def test_nobody_has_no_password() -> None:
    passwords = Passwords(cheap=True)
    assert not passwords.verify(None, "")


def test_real_hashes_are_argon2id_with_19_mib_and_two_passes() -> None:
    stored = Passwords().hash("Henan-2026x")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_the_demonstration_is_dated_at_a_real_node() -> None:
    assert Passwords().is_dated(CHEAP.hash("Henan-2026x"))


def test_temporary_passwords_are_good_enough_to_be_set() -> None:
    made = {temporary_password() for _ in range(50)}
    assert len(made) == 50
    assert not any(said(password) for password in made)
