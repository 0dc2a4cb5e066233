"""The types of problems: each code with its status, its title and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """A type of problem: the same status and title each time."""

    status: int
    title: str
    meaning: str
    """What to do about it, for the reference page."""


PROBLEMS: Mapping[str, Kind] = {
    "unreadable": Kind(400, "Not understood", "The body is not what its headers say it is; mend it."),
    "invalid-query": Kind(400, "Not understood", "`errors` names each query parameter that is unknown or unfit."),
    "invalid-header": Kind(400, "Not understood", "A header is missing or unfit; the detail names it."),
    "event-not-kept": Kind(400, "Not understood", "The event is not kept any more; the audit trail has it."),
    "range-missing": Kind(400, "Not understood", "Name events, or a range of time."),
    "cursor-refused": Kind(
        400, "Not understood", "`after` is not of this list, filter and caller; start without it again."
    ),
    "cursor-bad": Kind(400, "Not understood", "`after` is of a list in another order; start without it again."),
    "key-missing": Kind(400, "Idempotency-Key needed", "Send a new key with every new wish, the same with a repeat."),
    "not-signed-in": Kind(401, "Not signed in", "Send a token that is valid: `Authorization: Bearer ...`."),
    "no-provider": Kind(400, "Not possible here", "No provider to sign in with is configured; see `access.oidc`."),
    "forged-request": Kind(
        403, "Not from a page of ours", "By a session, only pages of this site change something; load the page again."
    ),
    "not-here": Kind(403, "Not safe here", "Without TLS nobody signs in; open the address that begins with https."),
    "not-allowed": Kind(403, "Not allowed", "`right` names what is lacking, `scopes` where you may act."),
    "unknown-path": Kind(404, "Not found", "There is nothing at this path."),
    "not-found": Kind(404, "Not found", "It does not exist, or lies outside what you may see."),
    "unknown-connection": Kind(404, "Not found", "No connection of that name is configured."),
    "method-not-allowed": Kind(405, "Not possible here", "`Allow` lists what is."),
    "not-acceptable": Kind(406, "Not available in that form", "Accept `application/json`."),
    "slow": Kind(408, "Too slow", "The body did not end in time."),
    "case-not-found": Kind(404, "Not found", "No such case, or you may not see it."),
    "approval-not-found": Kind(404, "Not found", "No such request, or you may not see it."),
    "selection-not-found": Kind(404, "Not found", "No such selection, or you may not see it."),
    "plan-not-found": Kind(404, "Not found", "No such plan, or you may not see it."),
    "operation-not-found": Kind(404, "Not found", "Nothing of that id takes longer, or you may not see it."),
    "hold-not-found": Kind(404, "Not found", "There is no such legal hold."),
    "hold-released": Kind(409, "Refused", "The hold was released before; the detail says by whom."),
    "hold-target": Kind(422, "Not fit", "What is to be held is not there; the detail says how it is named."),
    "archive-not-found": Kind(404, "Not found", "The archive has no such document, or you may not see it."),
    "erase-not-found": Kind(404, "Not found", "No such record, or you may not see it."),
    "erase-refused": Kind(409, "Refused", "The record may not be erased now; the detail says why."),
    "report-not-found": Kind(404, "Not found", "No such report; the detail names those that there are."),
    "report-no-time": Kind(400, "Not understood", "The report ends before it begins, or has no place in the calendar."),
    "run-not-found": Kind(404, "Not found", "No such run, or you may not see it."),
    "sink-not-found": Kind(404, "Not found", "The configuration has no SIEM sink of this name."),
    "channel-not-found": Kind(404, "Not found", "The configuration has no channel of this name."),
    "mapping-unknown": Kind(404, "Not found", "No such mapping version is stored; the detail names those that are."),
    "mapping-not-used": Kind(
        404, "Not found", "No flow uses a mapping of this name, so there is nothing to try it on."
    ),
    "mapping-moved": Kind(412, "Moved", "Another version was published since; look again."),
    "mapping-not-publishable": Kind(409, "Refused", "The detail says all that is lacking before it can be published."),
    "mapping-own-work": Kind(
        403, "A second person is needed", "Whoever made a version is not its second pair of eyes."
    ),
    "mapping-invalid": Kind(422, "Not fit", "The text is no mapping; the detail tells all its problems with places."),
    "document-invalid": Kind(422, "Not fit", "The document is no JSON object."),
    "document-too-long": Kind(422, "Not fit", "The document is too long to be tried."),
    "token-not-found": Kind(404, "Not found", "No such token that you may see."),
    "person-not-found": Kind(404, "Not found", "Nobody has this name."),
    "pause-refused": Kind(409, "Refused", "The connection cannot be paused so; the detail says why."),
    "secret-not-kept": Kind(409, "Refused", "Its credential is not kept in the database; replace it where it is kept."),
    "secret-names": Kind(409, "Refused", "Hand in all secrets of the credential together; the detail names them."),
    "secret-empty": Kind(422, "Not fit", "An empty value is no secret."),
    "connector-invalid": Kind(
        422, "Not fit", "The text is no connector file; `errors` has each problem with line, column and what to try."
    ),
    "configuration-invalid": Kind(
        422, "Not fit", "The files make no configuration; `errors` has each problem with file, line, column and a fix."
    ),
    "configuration-refused": Kind(409, "Refused", "It is not safe as things stand; `errors` says why, item by item."),
    "configuration-stale": Kind(412, "Moved", "Another plan was looked at; `moved` says what moved: plan again."),
    "leaver-not-found": Kind(404, "Not found", "No such departure, or you may not see it."),
    "leaver-moved": Kind(412, "Moved", "Somebody decided something about the departure since; look again."),
    "leaver-refused": Kind(409, "Refused", "It is not possible as the departure stands; the detail says why."),
    "leaver-unclear": Kind(409, "Refused", "Several people could be meant; the detail names them. Name one."),
    "leaver-unfit": Kind(422, "Not fit", "What was said cannot be right; the detail says why and what to try."),
    "flow-refused": Kind(409, "Refused", "There is no such move from its stage; the detail names those there are."),
    "flow-moved": Kind(412, "Moved", "Somebody moved the flow since; look again."),
    "refused": Kind(409, "Refused", "What is asked for is not possible as things stand; the detail says what is."),
    "still-running": Kind(409, "Still running", "The first request with this key is not answered yet; ask again."),
    "action-forbidden": Kind(
        409, "Refused", "The case does not allow this action now; the detail says what it allows."
    ),
    "flood-not-found": Kind(404, "Not found", "No departures of that name were stopped."),
    "approval-own": Kind(409, "A second person is needed", "Another person has to look at it."),
    "approval-caused": Kind(409, "A second person is needed", "Two people who did not ask for it have to look at it."),
    "guard-over": Kind(409, "Refused", "Nobody waits in it any more; look again."),
    "guard-unknown": Kind(409, "Refused", "The detail names who does not wait in it; look again."),
    "reason-missing": Kind(409, "Refused", "Give a reason, by its code or in words."),
    "reason-unknown": Kind(409, "Refused", "The class of the case has no such reason code."),
    "proof-missing": Kind(409, "Refused", "Say what was seen that proves it."),
    "choice-unknown": Kind(409, "Refused", "Choose one of those that the action offers."),
    "field-unknown": Kind(409, "Refused", "The record has no such field."),
    "file-refused": Kind(409, "Refused", "The file is too large, or of a kind that is not kept."),
    "link-refused": Kind(409, "Refused", "Only http(s) addresses can be linked."),
    "until-unknown": Kind(409, "Refused", "Say until when in a way that is known."),
    "task-not-found": Kind(409, "Refused", "The case has no such task."),
    "task-over": Kind(409, "Refused", "The task is over."),
    "group-refused": Kind(409, "Refused", "The cases cannot be grouped so."),
    "approval-waits": Kind(409, "Refused", "A request waits for a second person already."),
    "approval-over": Kind(409, "Refused", "The request is over."),
    "approval-expired": Kind(409, "Refused", "The request has expired; ask again."),
    "name-taken": Kind(409, "Refused", "Names are never given twice."),
    "roles-provided": Kind(409, "Refused", "The roles come from the provider at each sign-in."),
    "admin-last": Kind(409, "Refused", "Make another admin first."),
    "plan-digest": Kind(409, "Refused", "Another plan was looked at than the one that was named; look again."),
    "plan-stale": Kind(409, "Moved meanwhile", "`moved` says what is not as the plan says; make it again."),
    "plan-not-ready": Kind(409, "Not ready", "It is being made, or never became whole; follow its operation."),
    "operation-over": Kind(409, "Refused", "It is over; a plan that is made sends nothing unless it is run."),
    "plan-nothing-to-run": Kind(409, "Refused", "The plan has nothing to send."),
    "plan-approval-not-needed": Kind(409, "Refused", "Nobody has to approve this plan; run it."),
    "plan-needs-approval": Kind(403, "A second person is needed", "Ask somebody with the right `approve` to look."),
    "plan-self-approval": Kind(403, "A second person is needed", "Somebody else than its maker has to approve it."),
    "run-pause": Kind(409, "Refused", "The run is in no state for this."),
    "run-resume": Kind(409, "Refused", "The run is in no state for this."),
    "run-stop": Kind(409, "Refused", "The run is in no state for this."),
    "decision-stale": Kind(
        412, "Moved meanwhile", "`moved` says what changed since you looked; look again, then decide."
    ),
    "correction-stale": Kind(412, "Moved meanwhile", "The value to correct is another by now; look again."),
    "person-stale": Kind(412, "Moved meanwhile", "The person was changed after you looked; look again."),
    "too-large": Kind(413, "Too large", "Send less."),
    "media-type": Kind(415, "Wrong kind of content", "Send `application/json`."),
    "invalid-body": Kind(422, "Not fit", "`errors` points at each place in the body that is unfit."),
    "body-invalid": Kind(422, "Not fit", "What was said does not fit the action."),
    "name-invalid": Kind(422, "Not fit", "The detail says what a name is made of."),
    "expiry-invalid": Kind(422, "Not fit", "A token lasts between a minute and 366 days."),
    "roles-missing": Kind(422, "Not fit", "Name at least one role."),
    "scope-unknown": Kind(422, "Not fit", "The detail lists what is configured."),
    "action-unknown": Kind(422, "Not fit", "There is no action of that name."),
    "selection-empty": Kind(422, "Not fit", "Nothing that is open is selected by this."),
    "selection-invalid": Kind(422, "Not fit", "The selection cannot be meant so."),
    "plan-no-such-item": Kind(422, "Not fit", "What is to be left out is not in the plan."),
    "run-limits": Kind(422, "Not fit", "A run may only be more careful than its plan."),
    "value-refused": Kind(422, "Not fit", "The database cannot keep a value (a NUL, a number out of range)."),
    "key-reused": Kind(422, "Idempotency-Key used before", "The key belongs to another request; take a new one."),
    "if-match-needed": Kind(428, "If-Match needed", "Send the `ETag` that you decided on."),
    "quota-exceeded": Kind(429, "Too many requests", "Wait as long as `Retry-After` says."),
    "too-many-tries": Kind(429, "Too many tries", "Wait as long as `Retry-After` says; others may go on."),
    "defect": Kind(500, "A defect of ours", "Nothing is lost; tell us the `trace_id`."),
    "database-away": Kind(503, "Not available now", "Ask again after `Retry-After`."),
    "provider-away": Kind(503, "Not available now", "The provider does not answer; ask again after `Retry-After`."),
    "streams-full": Kind(503, "Not available now", "Too many streams are open at this worker; ask again later."),
    "not-durable": Kind(503, "Not available now", "Nothing was accepted; send it again."),
    "pressed": Kind(503, "Not available now", "Nothing was accepted; send it again."),
    "paused": Kind(503, "Not available now", "Somebody paused this connection; send it again."),
    "busy": Kind(503, "Not available now", "Nothing was accepted; send it again."),
}
"""Code -> what it stands for. Codes of connectors that are not here have the title of their status."""
