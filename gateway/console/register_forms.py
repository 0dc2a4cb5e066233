"""Forms of the wizard: each field is a value of the file, so that form and file say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.written.problems import Problem
from gateway.config.auth import Auth
from gateway.config.parts import Keys, places_of, value_at
from gateway.work.connector_files import ConnectorReport, NeedView

_KINDS = {"integer": "number", "number": "number", "boolean": "checkbox"}
_LABELS = {
    "user": "User",
    "password": "Password",
    "token": "Token",
    "key": "Key",
    "client_id": "Client id",
    "client_secret": "Client secret",
    "refresh_token": "Refresh token",
    "issuer": "Issuer",
    "private_key": "Private key (PEM)",
}
KINDS: Mapping[str, str] = {
    "none": "nobody signs in",
    "basic": "user and password",
    "bearer": "a token",
    "api_key": "a key",
    "oauth2_client_credentials": "OAuth 2.0 client credentials",
    "oauth2_refresh": "OAuth 2.0 refresh token",
    "jwt_assertion": "a signed assertion",
    "session": "a login",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value."""

    name: str
    label: str
    keys: Keys
    kind: str = "text"
    """text, url, number, checkbox, choice, secret or area."""
    hint: str = ""
    required: bool = False
    value: Any = ""
    choices: tuple[str, ...] = ()
    kept: bool = False
    """Of a secret: it was handed in already."""
    wrong: tuple[str, ...] = ()

    def read(self, text: str) -> Any:
        """What was typed, as the file has it; what is no number stays text, and is told of."""
        if self.kind == "checkbox":
            return text == "1"
        if self.kind == "number" and text:
            try:
                return int(text) if text.lstrip("-").isdecimal() else float(text)
            except ValueError:
                return text
        return text


def settings_fields(name: str, text: str, report: ConnectorReport | None) -> list[Field]:
    """Address, label, polling, and what the connector needs."""
    here: Keys = ("connections", name)
    fields = [
        Field(
            name="url",
            label="Address of the system",
            keys=(*here, "url"),
            kind="url",
            hint="Where its API is, such as https://acme.example.com; the connector adds the rest.",
            required=True,
        ),
        Field(name="label", label="What people call it", keys=(*here, "label"), hint="On pages and in cases."),
        Field(
            name="every",
            label="Ask for changes every",
            keys=(*here, "poll", "every"),
            hint="Such as 30s or 5m; empty: every 60s. With poll: false in the file only webhooks tell.",
        ),
    ]
    fields = [replace(each, value=_shown(text, each)) for each in fields]
    return fields + need_fields(report.needs if report else (), (*here, "options"), text)


def need_fields(needs: Iterable[NeedView], above: Keys, text: str) -> list[Field]:
    """What a connector asks for, below a place of the part."""
    return [replace(each, value=_shown(text, each)) for each in (_need(need, above) for need in needs)]


def _need(need: NeedView, above: Keys) -> Field:
    example = f" For example: {need.example}." if need.example is not None else ""
    default = f" Without it: {need.default}." if need.default not in (None, "") else ""
    return Field(
        name=f"need-{need.name}",
        label=need.label,
        keys=(*above, need.name),
        kind="choice" if need.choices else _KINDS.get(need.type, "text"),
        hint=f"{need.doc}{example}{default}".strip(),
        required=need.required,
        choices=need.choices,
    )


def auth_kind(name: str, text: str) -> str:
    """How the part signs in."""
    said = value_at(text, ("connections", name, "auth"))
    return next((each for each in KINDS if isinstance(said, Mapping) and each in said), "none")


def auth_fields(name: str, text: str, kind: str, kept: Iterable[str]) -> list[Field]:
    """What a way to sign in is made of: its secrets, and what else it has to say."""
    known, found = set(kept), []
    annotation = next(each for each in Auth.model_fields[kind].annotation.__args__ if each is not type(None))  # type: ignore[union-attr]
    for field, info in annotation.model_fields.items():
        secret = isinstance(info.json_schema_extra, dict) and bool(info.json_schema_extra.get("secret"))
        if not (secret or info.is_required()):
            continue
        keys: Keys = ("connections", name, "auth", kind, field)
        of = Field(
            name=f"auth-{field}",
            label=_LABELS.get(field, field.replace("_", " ")),
            keys=keys,
            kind="area" if field == "private_key" else "secret" if secret else "text",
            required=info.is_required(),
            kept=secret and field in known,
            hint="Sealed in the database; no page and no file shows it." if secret else "",
        )
        found.append(of if secret else replace(of, value=_shown(text, of)))
    return found


def blamed(
    fields: Sequence[Field], text: str, problems: Sequence[Problem]
) -> tuple[list[Field], list[tuple[str, Problem]]]:
    """The fields with what is wrong at each, and all problems, each with the field it belongs to or an empty name."""
    wrong: dict[str, list[str]] = {}
    found = []
    for keys, problem in places_of(text, problems):
        field = next((each for each in fields if keys and keys[: len(each.keys)] == each.keys), None)
        if field is not None:
            wrong.setdefault(field.name, []).append(f"{problem.text}{f'; try {problem.hint}' if problem.hint else ''}")
        found.append((field.name if field else "", problem))
    return [replace(each, wrong=tuple(wrong.get(each.name, ()))) for each in fields], found


def _shown(text: str, field: Field) -> Any:
    value = value_at(text, field.keys)
    return "" if value is None else value
