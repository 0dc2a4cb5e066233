"""What a connector file promises of a record, in the words of the contract: the core concludes from these alone."""

from __future__ import annotations

from connectors.contract.values import ObjectSpec
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.records import Record
from connectors.declared.model.writes import ByKey, ByMarker, ByPrecondition, ByUpsert, Create
from connectors.declared.rows import version_kind

FOREVER_S = 100 * 365 * 86_400.0
"""An object's own key is known as long as there is the object."""


def spec_of(file: ConnectorFile, name: str, record: Record, settles_s: float | None) -> ObjectSpec:
    """The promises. `settles_s` is the connection's own settling time, if it gives one.

    A create by marker is found again; one by key alone may be sent again while the system remembers the key; one by
    neither is never sent again. One by upsert has both: it is looked for, and a second request would make nothing
    more. An update is proved by reading, so a record that cannot be read has no proof at all.
    """
    create, update = record.writes.create, record.writes.update
    declared_s = record.settles_within or file.http.settles_within
    return ObjectSpec(
        name=name,
        version_kind=version_kind(record),
        granularity_s=record.updated.exact if record.updated else 1.0,
        history=False,
        conditional=update is not None and isinstance(update.once, ByPrecondition),
        marker=record.marker is not None and (create is None or isinstance(create.once, ByMarker | ByUpsert)),
        settles_s=declared_s if settles_s is None else settles_s,
        readable=record.one is not None,
        items=record.comments is not None,
        key_s=_known_s(create),
    )


def _known_s(create: Create | None) -> float:
    if create is not None and isinstance(create.once, ByKey):
        return create.once.kept
    return FOREVER_S if create is not None and isinstance(create.once, ByUpsert) else 0.0
