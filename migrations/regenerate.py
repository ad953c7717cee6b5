"""Before the first release only: write the first revision anew from the models.

`python -m migrations.regenerate`. After a release, add revisions instead.
"""

import tempfile
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config

from node.core.db import make_engine
from node.core.personal import Keyring

FIRST = "0001"


def main() -> None:
    """Replace revision 0001 by what autogenerate sees against an empty database."""
    folder = Path(str(files("migrations")))
    for old in (folder / "versions").glob(f"{FIRST}_*.py"):
        old.unlink()
    held = {p: p.rename(p.with_suffix(".held")) for p in (folder / "versions").glob("*.py")}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            engine = make_engine(f"sqlite:///{scratch}/empty.sqlite", Keyring.generate())
            config = Config()
            config.set_main_option("script_location", str(folder))
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                command.revision(config, "the first tables", autogenerate=True, rev_id=FIRST)
    finally:
        for original, moved in held.items():
            moved.rename(original)


if __name__ == "__main__":
    main()
