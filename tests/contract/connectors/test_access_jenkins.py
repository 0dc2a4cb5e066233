"""What is known of a user of Jenkins, and that all of it ends by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import registry, sandbox
from connectors.contract.access import GrantKind
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Refused
from connectors.declared.ending import Ends
from tests.contract.connectors.departing import end, granted, hostile_names_find_nobody, the_account


async def test_a_user_is_found_by_name_and_ends_by_hand(tmp_path: Path) -> None:
    stand_in = await sandbox.start("jenkins", data=tmp_path / "jenkins.db")
    settings = ConnectionSettings(
        name="ci",
        connector="jenkins",
        url=stand_in.url,
        auth={"basic": {"user": "lockstep", "password": "lockstep-secret"}},
        options={"job": "job/desk"},
    )
    jenkins = registry.create(settings, clock=SystemClock())
    assert isinstance(jenkins, Ends)
    ann = await the_account(jenkins, user_name="Ann")
    assert (ann.name, ann.email) == ("ann", "ann@example.com")
    assert set((await jenkins.holdings("ann")).unseen) == {GrantKind.TOKEN, GrantKind.ROLE}
    (user,) = await granted(jenkins, ann, GrantKind.ACCOUNT)
    with pytest.raises(Refused, match="Manage Jenkins > Users"):
        await end(jenkins, ann, user)
    assert (await jenkins.holdings("nobody")).account is None
    await hostile_names_find_nobody(jenkins, "user_name")
    await jenkins.close()
    await stand_in.stop()
