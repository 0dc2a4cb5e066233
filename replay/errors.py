"""What replay refuses. Input from outside, so it shares that branch of the error tree; `status` is HTTP's."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.errors import InputError
from replay.values import Making, Moved, PlanState


class ReplayError(InputError):
    """Nothing was sent and nothing changed."""

    status = 409


class NotFound(ReplayError):
    """There is none, or whoever asks may not see it."""

    status = 404

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"there is no {what} {id}", code=f"{what}.not_found")
        self.what, self.id = what, id


class NothingSelected(ReplayError):
    """The wish finds nothing."""

    status = 422

    def __init__(self) -> None:
        super().__init__("nothing that is open is selected by this", code="selection.empty")


class BadWish(ReplayError):
    """The wish cannot be meant so."""

    status = 422

    def __init__(self, why: str) -> None:
        super().__init__(why, code="selection.invalid")


class DigestMismatch(ReplayError):
    """Another plan was looked at than the one that was named."""

    def __init__(self, plan: str, expected: str, given: str) -> None:
        super().__init__(f"{plan} has the digest {expected}, not {given}: look at it again", code="plan.digest")
        self.plan = plan


class PlanStale(ReplayError):
    """What the plan says is not so any more. `moved` names each thing: what it was, what it is, who moved it."""

    def __init__(self, plan: str, moved: Sequence[Moved]) -> None:
        first = moved[0]
        by = f" by {first.by}" if first.by else ""
        more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
        told = f"{first.item}: {first.what} was {first.was!r}, is now {first.now!r}{by}{more}"
        super().__init__(f"{plan} is stale, nothing was sent. {told}. Make it again", code="plan.stale")
        self.plan, self.moved = plan, tuple(moved)


class PlanNotReady(ReplayError):
    """The plan is being made, or never became whole: there is nothing of it to look at, to approve or to run."""

    def __init__(self, making: Making) -> None:
        told = {
            PlanState.MAKING: f"is being made: {making.looked} of {making.total} looked at",
            PlanState.CANCELLED: f"was never made: {making.reason}",
        }
        how = told.get(making.state, f"failed: {making.reason}; make it anew")
        super().__init__(f"{making.plan} {how}", code="plan.not_ready")
        self.making = making


class PlanIsOver(ReplayError):
    """A plan that is made cannot be cancelled; not running it is enough."""

    def __init__(self, plan: str) -> None:
        super().__init__(f"{plan} is made already; nothing is sent unless it is run", code="operation.over")
        self.plan = plan


class NotInPlan(ReplayError):
    """What is to be left out is not in the plan."""

    status = 422

    def __init__(self, plan: str, missing: Sequence[str]) -> None:
        super().__init__(f"not in {plan}: {', '.join(missing[:5])}", code="plan.no_such_item")
        self.plan = plan


class NeedsApproval(ReplayError):
    """A second person has to look first."""

    status = 403

    def __init__(self, plan: str, why: str) -> None:
        super().__init__(f"{plan} needs the approval of a second person: {why}", code="plan.needs_approval")
        self.plan, self.why = plan, why


class SelfApproval(ReplayError):
    """Whoever made the plan cannot be the second pair of eyes, by whichever token."""

    status = 403

    def __init__(self, plan: str) -> None:
        super().__init__(f"{plan} is yours: somebody else has to approve it", code="plan.self_approval")
        self.plan = plan


class ApprovalNotNeeded(ReplayError):
    """Nobody has to approve this plan."""

    def __init__(self, plan: str) -> None:
        super().__init__(f"{plan} needs no approval; run it", code="plan.approval_not_needed")
        self.plan = plan


class NothingToRun(ReplayError):
    """No item of the plan would do anything."""

    def __init__(self, plan: str) -> None:
        super().__init__(f"{plan} has nothing to send", code="plan.nothing_to_run")
        self.plan = plan


class LimitsTooBold(ReplayError):
    """A run may be more careful than its plan, never less: that was not what people looked at."""

    status = 422

    def __init__(self, plan: str) -> None:
        super().__init__(
            f"the limits of {plan} can only be lowered when it is run; make it again with others", code="run.limits"
        )
        self.plan = plan


class RunRefused(ReplayError):
    """The run is in no state for this."""

    def __init__(self, run: str, verb: str, why: str) -> None:
        super().__init__(f"{run}: {verb} is not possible, {why}", code=f"run.{verb}")
        self.run, self.verb = run, verb
