"""Setting a node up: its keys, its tables, the places it needs to know."""

from node.core.db import make_engine
from node.core.divisions import store_divisions
from node.core.migrate import migrate
from node.core.personal import Keyring, read_keyring, write_keyring
from node.settings import Settings


def prepare(settings: Settings) -> int:
    """Make key file and tables, load the division tree; safe to repeat. Returns how many places.

    Repeating it after a failure in the middle goes on where it stopped: keys are never made twice.
    """
    if not settings.secret_file.exists():
        write_keyring(settings.secret_file, Keyring.generate())
    engine = make_engine(settings.database_url, read_keyring(settings.secret_file))
    migrate(engine)
    places = store_divisions(engine, settings.code, settings.divisions_file)
    engine.dispose()
    return places
