"""The settings we hand to administrators are settings this program accepts."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from node.core.divisions import division_lines
from node.settings import Settings, load_settings
from tiers import Level

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = {level: DEPLOY / f"{level.value}.toml" for level in Level}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WUJI_DATABASE_URL", raising=False)


@pytest.mark.parametrize("level", Level)
def test_the_settings_of_a_tier_are_accepted_and_are_of_that_tier(level: Level) -> None:
    assert load_settings(FILES[level]).level is level


@pytest.mark.parametrize(
    ("level", "backend"),
    [
        (Level.VILLAGE, "sqlite"),
        (Level.TOWNSHIP, "sqlite"),
        (Level.COUNTY, "postgresql"),
        (Level.CITY, "postgresql"),
        (Level.PROVINCE, "postgresql"),
    ],
)
def test_small_tiers_need_no_database_server(level: Level, backend: str) -> None:
    url = make_url(load_settings(FILES[level]).database_url)
    assert url.get_backend_name() == backend


@pytest.mark.parametrize("level", Level)
def test_only_the_province_has_no_parent(level: Level) -> None:
    parent = load_settings(FILES[level]).sync.parent_url
    assert parent == "" if level is Level.PROVINCE else parent.startswith("https://")


@pytest.mark.parametrize("level", [each for each in Level if each is not Level.VILLAGE])
def test_a_node_behind_https_keeps_its_cookie_to_https(level: Level) -> None:
    assert load_settings(FILES[level]).login.secure_cookie


@pytest.mark.parametrize("level", Level)
def test_no_real_node_weakens_passwords_or_takes_invented_numbers(level: Level) -> None:
    settings = load_settings(FILES[level])
    assert not settings.login.cheap_passwords
    assert not settings.allow_unassigned_prefixes


@pytest.mark.parametrize("level", Level)
def test_the_environment_overrules_the_file(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WUJI_PORT", "8500")
    monkeypatch.setenv("WUJI_SYNC__PARENT_URL", "https://other.example")
    settings: Settings = load_settings(FILES[level])
    assert (settings.port, settings.sync.parent_url) == (8500, "https://other.example")


@pytest.mark.parametrize("level", Level)
def test_the_region_shown_exists(level: Level) -> None:
    settings = load_settings(FILES[level])
    known = {line.partition(",")[0] for line in division_lines(settings.divisions_file)}
    assert settings.region in known
