"""What a command believes of the schema is what the migrations make."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from gateway.storage.current import revisions
from gateway.storage.migrate import settings


def test_the_numbered_files_are_the_chain_of_migrations() -> None:
    chain = [script.revision for script in ScriptDirectory.from_config(settings()).walk_revisions()]
    assert revisions() == chain[::-1]
