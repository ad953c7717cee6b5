"""What a login, a password and a run of failures must be like. Pure.

Source: GB/T 22239-2019 8.1.4.1 (身份鉴别: 复杂度, 登录失败处理, 首次登录). The number of failures
and the length of a lock are settings; the shape of a password is here.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.core.errors import Invalid

PASSWORD_SHORTEST = 10
PASSWORD_LONGEST = 128
PASSPHRASE = 16  # from this length on, the kinds of characters do not matter
KINDS_NEEDED = 3
RUN_LONGEST = 4
LOGIN_TELLING = 4  # shorter logins turn up in good passwords by chance
LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_WORN = ("password", "123456", "abcdef", "qwerty", "admin", "iloveyou", "woaini")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often somebody has failed to log in, and until when they must wait."""

    failures: int = 0
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime, *, limit: int, lock: timedelta) -> "Attempts":
        """After one more failure. The `limit`-th in a row locks, and the count begins anew.

        While locked nothing counts, so that a stranger cannot keep somebody out for ever.
        """
        if self.is_locked(now):
            return self
        failures = self.failures + 1
        if failures >= limit:
            return Attempts(0, now + lock)
        return Attempts(failures)


def tidy_login(typed: str) -> str:
    """A login as it is stored: full-width letters and capitals do not matter."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def sign_in_problems(login: str, password: str) -> Iterator[Invalid]:
    """What is missing before anybody can be looked for."""
    if not tidy_login(login):
        yield Invalid("请填写用户名", field="login")
    if not password:
        yield Invalid("请填写口令", field="password")


def login_problems(login: str) -> Iterator[Invalid]:
    """What is wrong with a new login."""
    if not LOGIN.fullmatch(login):
        yield Invalid("用户名为 2 至 32 位小写字母、数字或 . _ -，以字母或数字开头", field="login")


def password_problems(password: str, *, login: str, field: str = "password") -> Iterator[Invalid]:
    """Everything that is wrong with a new password, so that one try is enough to mend it."""
    if len(password) < PASSWORD_SHORTEST:
        yield Invalid(f"口令至少 {PASSWORD_SHORTEST} 位", field=field)
    if len(password) > PASSWORD_LONGEST:
        yield Invalid(f"口令最多 {PASSWORD_LONGEST} 位", field=field)
    if len(password) < PASSPHRASE and _kinds(password) < KINDS_NEEDED:
        yield Invalid(
            f"口令须含大写字母、小写字母、数字、其他字符中的 {KINDS_NEEDED} 种，"
            f"或不少于 {PASSPHRASE} 位",
            field=field,
        )
    plain = password.casefold()
    if len(login) >= LOGIN_TELLING and login in plain:
        yield Invalid("口令不能包含用户名", field=field)
    if any(worn in plain for worn in _WORN):
        yield Invalid("口令含有容易猜到的词或数字串", field=field)
    if re.search(rf"(.)\1{{{RUN_LONGEST - 1}}}", password):
        yield Invalid(f"口令不能有连续 {RUN_LONGEST} 个相同字符", field=field)


def _kinds(password: str) -> int:
    tests = (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum() or not c.isascii())
    return sum(any(test(character) for character in password) for test in tests)


def landing(wanted: str) -> str:
    """Where to go after logging in: a page of our own, never another site."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_ours and wanted.isprintable() else "/"
