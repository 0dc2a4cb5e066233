"""What a flow would write, as people read it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gateway.cli.output import cell, data, told

if TYPE_CHECKING:
    from gateway.work.flow_preview import FlowPreview, Planned

SIGNS = {"create": "+", "update": "~", "move": ">", "comment": '"', "close": "-", "blocked": "!", "nothing": "="}
MOST = 50
"""Samples of each action at each connection that may be asked for."""


def tell_preview(found: FlowPreview) -> None:
    """Counts, then samples; a part says that it is one."""
    data(f"{found.flow} is {found.stage}; nothing has been sent")
    if not found.waiting:
        data("nothing waits for it: going live sends nothing for what was")
        return
    for each in found.counts:
        data(f"  {SIGNS[each.action]} {each.action} {each.objects} in {each.connection}")
    if found.planned < found.waiting:
        told(f"of {found.waiting} objects the newest {found.planned} were planned for this")
    for sample in found.samples:
        _tell(sample)
    _more(found)
    told("Going live sends this once, each object as it is then; a record that changes meanwhile is planned anew.")


def _more(found: FlowPreview) -> None:
    """That these are samples, and how to see more of them."""
    shown = Counter((each.connection, each.action) for each in found.samples)
    planned = sum(each.objects for each in found.counts if each.action != "nothing")
    if shown.total() >= planned:
        return
    more = f"; more of each: lockstep flow preview {found.flow} --samples {MOST}"
    told(f"shown: {shown.total()} of {planned}{more if max(shown.values(), default=0) < MOST else ''}")


def _tell(sample: Planned) -> None:
    told(f"{SIGNS[sample.action]} {sample.action} {sample.object} in {sample.connection}", indent=0)
    if sample.reason:
        told(sample.reason, indent=4)
    for each in sample.fields:
        shown = f"{cell(each.got)} -> {cell(each.wanted)}" if sample.action != "create" else cell(each.wanted)
        told(f"{each.field}: {shown}   from {each.by or 'nobody'}", indent=4)
    if sample.comments:
        told(f"{sample.comments} comment(s)", indent=4)
