"""Every table of the house, for migrations. Importing them registers them with SQLModel."""

import importlib

CAPABILITIES_WITH_TABLES = (
    "core",
    "identity",
    "policy",
    "attachments",
    "cases",
    "notices",
    "registry",
    "accounts",
    "banking",
    "contributions",
    "benefits",
    "payroll",
    "transfers",
    "statistics",
    "quality",
    "supervision",
    "assessment",
    "network",
)


def load_all_models() -> None:
    """Import the `models` room of each capability that has one."""
    for name in CAPABILITIES_WITH_TABLES:
        importlib.import_module(f"node.{name}.models")
