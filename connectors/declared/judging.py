"""What an answer means by the file's own rules: vendor signs for `connectors.rest.classify`, and the reason given.

Only answers are judged. A request that nobody answered may have had its effect, and no rule of a file can say
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from connectors.contract.errors import Refused
from connectors.contract.written.paths import parse_path
from connectors.declared.deciding import holds, looks_inside
from connectors.declared.looking import many, one
from connectors.declared.model.file import Action, Rule, Sensitive
from connectors.declared.slots import as_text
from connectors.rest.answer import Answer, Call
from connectors.rest.classify import Sign
from connectors.rest.evidence import MASK

_SIGNS: Mapping[Action, Sign] = {
    "wait": Sign.THROTTLED,
    "renew_auth_once": Sign.NOT_SIGNED_IN,
    "stop_connection": Sign.NOT_SIGNED_IN,
    "again": Sign.NOT_YET,
    "conflict": Sign.MOVED,
    "reject": Sign.NO,
    "unknown": Sign.BROKEN_OFF,
}
_CERTAIN = frozenset({304, 307, 308})
"""Redirects after which a request was certainly not carried out where it was sent; they are not followed."""
_LONGEST_REASON = 500


def variables(answer: Answer) -> dict[str, Any]:
    """What a condition may ask of an answer."""
    return {
        "status": answer.status,
        "body": answer.data,
        "header": dict(answer.headers),
        "sent": True,
        "answered": True,
    }


class Rules:
    """The file's ordered rules. Those that ask only for the status are decided once for each status."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._by_status: dict[tuple[int, int], bool] = {}

    def vendor(self, call: Call, answer: Answer) -> Sign | None:
        """For `classify`. None: what the status means in general."""
        if answer.status in call.tolerate:
            return None
        rule = self.matching(answer)
        if rule is not None:
            return _SIGNS[rule.do]
        return Sign.BROKEN_OFF if 300 <= answer.status < 400 and answer.status not in _CERTAIN else None

    def matching(self, answer: Answer) -> Rule | None:
        """The first rule that holds for an answer."""
        return next((rule for number, rule in enumerate(self._rules) if self._holds(number, rule, answer)), None)

    def _holds(self, number: int, rule: Rule, answer: Answer) -> bool:
        if looks_inside(rule.when):
            return holds(rule.when, variables(answer))
        key = (number, answer.status)
        if key not in self._by_status:
            plain = {"status": answer.status, "sent": True, "answered": True}
            self._by_status[key] = holds(rule.when, plain)
        return self._by_status[key]

    def blame(self, answer: Answer) -> tuple[str, dict[str, str]]:
        """For `classify`: the reason an error body gives, and the fields it blames."""
        rule = self.matching(answer)
        said = [_said(each) for each in many(rule.say)(answer.data)] if rule and rule.say else []
        said += [answer.headers.get(rule.say_header.lower(), "")] if rule and rule.say_header else []
        blamed = one(rule.fields)(answer.data) if rule and rule.fields else None
        fields = {str(name): _said(why) for name, why in blamed.items()} if isinstance(blamed, Mapping) else {}
        texts = [each for each in said if each] or [f"{name}: {why}" for name, why in fields.items()]
        return "; ".join(texts)[:_LONGEST_REASON], fields


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    try:
        return as_text(value)
    except Refused:
        return orjson.dumps(value).decode()[:_LONGEST_REASON]


class Veil:
    """Masks what the file calls sensitive in the body that evidence is made of."""

    def __init__(self, sensitive: Sensitive) -> None:
        self._paths = [parse_path(each) for each in (*sensitive.personal, *sensitive.never_log)]

    def __call__(self, answer: Answer) -> Answer:
        """The answer with a masked body; `data` stays as it is."""
        if not self._paths or not answer.body:
            return answer
        if not answer.is_json:  # cut off, or no document: nobody knows what is in it
            return msgspec.structs.replace(answer, body=MASK.encode())
        shown = orjson.loads(orjson.dumps(answer.data))
        for path in self._paths:
            path.update(shown, MASK)
        return msgspec.structs.replace(answer, body=orjson.dumps(shown))
