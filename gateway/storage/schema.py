"""The joined schema: every package owns its tables; here they meet for creation and migration."""

from __future__ import annotations

from sqlalchemy import MetaData

from dead_letter.tables import metadata as cases
from gateway.access.tables import metadata as access
from gateway.api.tables import metadata as api
from gateway.audit.tables import metadata as audit
from gateway.budget.tables import metadata as budget
from gateway.credentials.tables import metadata as credentials
from gateway.delivery.tables import metadata as delivery
from gateway.drift.tables import metadata as drift
from gateway.intake.scim.tables import metadata as scim
from gateway.intake.tables import metadata as intake
from gateway.keeping.tables import metadata as keeping
from gateway.notify.tables import metadata as notify
from gateway.offboarding.blast.tables import metadata as blast
from gateway.offboarding.tables import metadata as offboarding
from gateway.reconcile.tables import metadata as reconcile
from gateway.siem.tables import metadata as siem
from gateway.sweeps.tables import metadata as sweeps
from gateway.sync.tables import metadata as sync
from gateway.versions.tables import metadata as versions
from gateway.work.tables import metadata as work
from replay.tables import metadata as replay

PARTS: tuple[MetaData, ...] = (
    sync,
    audit,
    cases,
    delivery,
    intake,
    sweeps,
    reconcile,
    access,
    replay,
    notify,
    api,
    work,
    versions,
    credentials,
    scim,
    budget,
    drift,
    keeping,
    siem,
    blast,
    offboarding,
)
