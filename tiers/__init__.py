"""What a tier is: levels, region codes, who may author what, roles and profiles.

Pure values and functions: nothing here opens a file, a socket or a database, and nothing of ours
is imported. A policy officer can read it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tiers.authority import AUTHORITY, Grant, Travel, parse_route, refusal
from tiers.city import CITY
from tiers.county import COUNTY
from tiers.division import HENAN, Division, DivisionError, Divisions, parse_divisions
from tiers.level import Level
from tiers.profile import NavigationItem, Profile, SealLimits
from tiers.province import PROVINCE
from tiers.region import RegionCode, RegionError
from tiers.roles import (
    DUTIES,
    Duty,
    Role,
    incompatibilities,
    incompatible,
    roles_at,
    same_case,
)
from tiers.township import TOWNSHIP
from tiers.village import VILLAGE

PROFILES: Mapping[Level, Profile] = MappingProxyType(
    {profile.level: profile for profile in (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)}
)

__all__ = [
    "AUTHORITY",
    "DUTIES",
    "HENAN",
    "PROFILES",
    "Division",
    "DivisionError",
    "Divisions",
    "Duty",
    "Grant",
    "Level",
    "NavigationItem",
    "Profile",
    "RegionCode",
    "RegionError",
    "Role",
    "SealLimits",
    "Travel",
    "incompatibilities",
    "incompatible",
    "parse_divisions",
    "parse_route",
    "refusal",
    "roles_at",
    "same_case",
]
