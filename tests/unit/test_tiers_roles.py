"""Posts, duties, and what one person must not hold together."""

import pytest

import tiers
from tiers import (
    DUTIES,
    PROFILES,
    Duty,
    Level,
    Role,
    incompatibilities,
    incompatible,
    roles_at,
    same_case,
)

CASE_DUTIES = (Duty.ENTER, Duty.FIRST_REVIEW, Duty.REVIEW, Duty.APPROVE)


COUNTY_POSTS = (
    "acceptor reviewer approver accountant payroll_officer archivist auditor policy_officer "
    "administrator"
)


@pytest.mark.parametrize(
    ("level", "roles"),
    [
        (Level.PROVINCE, "quality_supervisor policy_officer statistician administrator"),
        (Level.CITY, "inspector assessor quality_supervisor policy_officer administrator"),
        (Level.COUNTY, COUNTY_POSTS),
        (Level.TOWNSHIP, "clerk administrator"),
        (Level.VILLAGE, "coordinator administrator"),
    ],
)
def test_the_posts_of_each_level(level: Level, roles: str) -> None:
    assert roles_at(level) == tuple(Role(role) for role in roles.split())
    assert PROFILES[level].roles == roles_at(level)


def test_every_post_has_a_title_a_description_and_duties() -> None:
    assert len({role.title for role in Role}) == len(Role)
    assert all(role.description and DUTIES[role] == role.duties for role in Role)
    assert all(role.duties for role in Role)


def test_every_duty_has_a_title_and_somebody_who_does_it() -> None:
    assert len({duty.title for duty in Duty}) == len(Duty)
    assert {duty for role in Role for duty in role.duties} == set(Duty)


def test_a_coordinator_never_approves_and_only_the_county_does() -> None:
    assert Duty.APPROVE not in Role.COORDINATOR.duties
    approvers = [role for role in Role if Duty.APPROVE in role.duties]
    assert {level for role in approvers for level in role.levels} == {Level.COUNTY}


def test_an_administrator_holds_no_business_post() -> None:
    for role in Role:
        reason = incompatible(Role.ADMINISTRATOR, role)
        assert (reason is None) is (role is Role.ADMINISTRATOR)
    assert not Role.ADMINISTRATOR.sees_business


def test_accountant_and_approver_are_two_people() -> None:
    assert incompatible(Role.ACCOUNTANT, Role.APPROVER)
    assert incompatible(Role.ACCOUNTANT, Role.REVIEWER) is None


def test_no_post_by_itself_holds_two_duties_that_exclude_each_other_beyond_a_clerks() -> None:
    # A clerk enters at the township's own window and reviews what villages send: two cases.
    both = [role for role in Role if len(role.duties & set(CASE_DUTIES)) > 1]
    assert both == [Role.CLERK]


def test_all_reasons_against_a_set_of_posts_are_given_once() -> None:
    reasons = incompatibilities([Role.ADMINISTRATOR, Role.ACCOUNTANT, Role.APPROVER])
    assert len(reasons) == 2
    assert incompatibilities([Role.ACCEPTOR, Role.REVIEWER, Role.ACCEPTOR]) == ()


@pytest.mark.parametrize("duty", CASE_DUTIES)
@pytest.mark.parametrize("earlier", CASE_DUTIES)
def test_one_person_does_one_of_the_four_duties_on_a_case(duty: Duty, earlier: Duty) -> None:
    reason = same_case(duty, [earlier])
    if duty is earlier:
        assert reason is None
    else:
        assert reason is not None
        assert earlier.title in reason
        assert duty.title in reason


def test_whoever_computes_the_payroll_does_not_review_it() -> None:
    assert same_case(Duty.REVIEW_PAYROLL, [Duty.COMPUTE_PAYROLL])
    assert same_case(Duty.REVIEW_PAYROLL, [Duty.ENTER, Duty.AUDIT]) is None


@pytest.mark.parametrize("level", Level)
def test_a_profile_shows_an_administrator_only_the_network_and_the_users(level: Level) -> None:
    items = PROFILES[level].navigation_for([Role.ADMINISTRATOR])
    assert [item.key for item in items] == ["network", "users"]


@pytest.mark.parametrize("level", Level)
def test_every_business_post_finds_its_inbox_first_where_cases_come(level: Level) -> None:
    profile = PROFILES[level]
    has_inbox = level.rank >= Level.COUNTY.rank  # a case climbs to the county and stops
    for role in profile.roles:
        if role.sees_business and role is not Role.POLICY_OFFICER:  # who handles no cases
            assert (profile.navigation_for([role])[0].key == "inbox") is has_inbox


def test_a_hosted_villages_coordinator_finds_the_same_pages_at_the_township() -> None:
    keys = [
        [item.key for item in PROFILES[level].navigation_for([Role.COORDINATOR])]
        for level in (Level.VILLAGE, Level.TOWNSHIP)
    ]
    assert keys[0] == keys[1]
    assert Level.VILLAGE in PROFILES[Level.TOWNSHIP].hosts


def test_pages_have_one_address_and_one_name_at_every_level() -> None:
    items = [item for profile in PROFILES.values() for item in profile.navigation]
    assert len({(item.key, item.title, item.path) for item in items}) == len(
        {item.key for item in items}
    )


def test_villages_seal_small_and_counties_large() -> None:
    assert PROFILES[Level.VILLAGE].seal.records == 100
    assert PROFILES[Level.COUNTY].seal.records == 1_000
    assert PROFILES[Level.COUNTY].seal.size_bytes == 1_048_576


def test_every_exported_name_is_there() -> None:
    assert sorted(tiers.__all__) == sorted(set(tiers.__all__))
    assert all(hasattr(tiers, name) for name in tiers.__all__)
