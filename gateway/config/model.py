"""The shape of `lockstep.yaml` as people write it. References between its parts are checked by `references`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration, Rate, Size
from gateway.config.access import AccessModel
from gateway.config.auth import Auth, SecretsModel, SigningModel
from gateway.config.budget import BudgetModel
from gateway.config.cases import CasesModel
from gateway.config.high_risk import HighRiskModel
from gateway.config.hours import MaintenanceModel
from gateway.config.keeping import Retention
from gateway.config.leavers import LeaversModel
from gateway.config.notifications import NotificationsModel
from gateway.config.polling import Poll
from gateway.config.replay import ReplayModel
from gateway.config.siem import SiemModel
from gateway.config.urls import DatabaseUrl, StreamUrl, listen_address
from mappings.model import Name

ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
MergeKind = Literal["latest", "authority", "union", "append_only", "manual"]
Delivery = Literal["every_change", "latest"]


def _address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url):
        raise ValueError("this is not the address of a system; try https://host")
    return url


class WebhookIn(Strict):
    """Webhooks of this connection arrive at `POST /hooks/{connection}`."""

    secret: str = Field(
        description="Shared with the system. `${ENV}` or `file:path`.", json_schema_extra={"secret": True}
    )


class Breaker(Strict):
    """When a system counts as down, and how often it is then tried."""

    failures: int = Field(default=5, ge=1, description="So many failures in a row open it.")
    retry: Duration = Field(default=2.0, description="First wait before a try; doubled each time.", gt=0)
    cap: Duration = Field(default=60.0, description="Longest wait before a try.", gt=0)


def _or_off(value: Any) -> Any:
    return None if value is False else value


Share = Annotated[float, Field(gt=0, le=1)]


class IdSweep(Strict):
    """Deletions and new objects that nobody told of: the ids that the system lists, compared with ours."""

    every: Duration = Field(default=86400.0, description="Pause between two rounds.", validate_default=False, gt=0)
    most_gone: int = Field(default=10, ge=0, description="More objects than this, and than the share, open one case.")
    most_gone_share: float = Field(default=0.05, ge=0, le=1, description="Of the known objects.")


class LeaverSweep(Strict):
    """Objects created late for a record that has left: looked for by its correlation key."""

    every: Duration = Field(default=6 * 3600.0, description="Pause between two rounds.", validate_default=False, gt=0)
    for_: Duration = Field(
        default=7 * 86400.0, alias="for", description="So long after a departure.", validate_default=False, gt=0
    )


class Readback(Strict):
    """Edits that nobody told of: objects with nothing to do are read and compared with what they should show."""

    share: Share = Field(default=0.01, description="Of the linked objects, each day.")


class SchemaSweep(Strict):
    """Fields and options that came, went or changed: the system is asked for them, and mappings that feel it named."""

    every: Duration = Field(default=6 * 3600.0, description="Pause between two rounds.", validate_default=False, gt=0)


class Sweeps(Strict):
    """What neither webhook nor poll told of is looked for beside the work. Each part may be `false`."""

    budget: Share = Field(default=0.1, description="Share of `concurrency`; one request at a time at most.")
    ids: Annotated[IdSweep | None, BeforeValidator(_or_off, json_schema_input_type=IdSweep | Literal[False])] = (
        IdSweep()
    )
    leavers: Annotated[
        LeaverSweep | None, BeforeValidator(_or_off, json_schema_input_type=LeaverSweep | Literal[False])
    ] = LeaverSweep()
    schema_: Annotated[
        SchemaSweep | None, BeforeValidator(_or_off, json_schema_input_type=SchemaSweep | Literal[False])
    ] = Field(default=SchemaSweep(), alias="schema")
    readback: Annotated[Readback | None, BeforeValidator(_or_off, json_schema_input_type=Readback | Literal[False])] = (
        Readback()
    )


class ConnectionModel(Strict):
    """One configured instance of a system."""

    connector: str = Field(description="Name of the connector, or `package.module:factory`.")
    url: Annotated[str, AfterValidator(_address)] = Field(description="Base address. May hold `${ENV}`.")
    auth: Auth
    label: str = Field(default="", description="The name people see, for example in copied comments. Default: the key.")
    poll: Annotated[Poll | None, BeforeValidator(_or_off, json_schema_input_type=Poll | Literal[False])] = Field(
        default=Poll(), description="`false`: only webhooks tell of changes."
    )
    webhook: WebhookIn | None = None
    timeout: Duration = Field(default=20.0, description="Of one request.", gt=0)
    settles: Duration | None = Field(
        default=None, description="After so long a look that finds nothing proves that a write had no effect."
    )
    concurrency: int = Field(default=16, ge=1, le=1000, description="Requests in flight.")
    rate: Rate | None = Field(
        default=None,
        description="Requests that each worker may make, evenly; delivery waits for the others. Default: as fast as "
        "`budget` and the system's own rate headers allow.",
        gt=0,
    )
    budget: BudgetModel = BudgetModel()
    maintenance: list[MaintenanceModel] = Field(
        default=[], description="Hours in which the system is left alone; what is to be written waits."
    )
    clock_skew: Duration = Field(
        default=2.0, description="Bound on what remains of the clock difference after it was measured and taken out."
    )
    read_before_write: Literal["auto", "always"] = Field(
        default="auto", description="`auto` skips a read only where no promise weakens."
    )
    breaker: Breaker = Breaker()
    sweeps: Annotated[Sweeps | None, BeforeValidator(_or_off, json_schema_input_type=Sweeps | Literal[False])] = Field(
        default=Sweeps(), description="`false`: what was lost on both ways stays unnoticed until the next edit."
    )
    options: dict[str, JsonValue] = Field(default={}, description="Settings of the connector itself.")


class MemberModel(Strict):
    """One connection's part in a flow."""

    object: str = Field(description="The connector's object type.")
    mapping: str = Field(description="A name of the library, or a .yaml file relative to this one.")
    with_: dict[str, JsonValue] = Field(
        default={}, alias="with", description="Settings of the connector for this object."
    )
    where: str | None = Field(
        default=None, description="CEL condition over `record`: objects that do not meet it start no record."
    )


class CreateModel(Strict):
    """Where a record that starts in one system is created in others."""

    in_: list[ConnectionName] = Field(default=[], alias="in")
    when: str | None = Field(default=None, description="CEL condition over `record`.")


def _as_merge_rule(value: Any) -> Any:
    if isinstance(value, dict) and "kind" not in value:
        return {"kind": "authority", **value}
    return {"kind": value} if isinstance(value, str) else value


class MergeRule(Strict):
    """Who wins when two edit at once: one word, or `authority: [strongest, ...]`."""

    kind: MergeKind
    authority: list[ConnectionName] = Field(default=[], description="Default: the flow's order.")


class Authority(Strict):
    """A merge rule as it is usually written, for the schema."""

    authority: list[ConnectionName]


MergeInput = MergeKind | Authority | MergeRule
AnyMergeRule = Annotated[MergeRule, BeforeValidator(_as_merge_rule, json_schema_input_type=MergeInput)]


def _by_default(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


def _as_key(value: Any) -> Any:
    if isinstance(value, str) and value != "correlation":
        raise ValueError(f"'{value}' is not a key; try 'correlation' or '{{natural: field}}'")
    return {} if value == "correlation" else value


class Key(Strict):
    """What tells that objects of several systems are the same thing."""

    natural: Name | None = Field(default=None, description="A field that names the thing everywhere.")


class FanOutModel(Strict):
    """A template that makes tasks of the records of this flow."""

    tasks: str = Field(description="A .yaml file relative to this one.")
    into: Name = Field(description="The flow that the tasks belong to, and that makes them in its systems.")


class TellModel(Strict):
    """One thing that a record says to those it refers to. The same is said once; its key is part of what it is."""

    when: str | None = Field(default=None, description="CEL condition over `record`: it is said while it holds.")
    set: dict[Name, JsonValue] = Field(
        default={}, description="Fields of the record referred to; texts may hold `${field}` of the one that says it."
    )
    forward: bool = Field(
        default=False, description="Fields of kind enum are moved on in the order of their values, never back."
    )
    comment: str | None = Field(default=None, description="A comment on it. May hold `${field}` or `${field|default}`.")


class AnswerModel(Strict):
    """What a record says of itself; texts may also hold `${found}` and `${missing}`, the references of either kind."""

    found: dict[Name, JsonValue] = Field(default={}, description="Something that it refers to is kept in step.")
    missing: dict[Name, JsonValue] = Field(default={}, description="It refers to nothing that is.")


Among = Annotated[dict[Name, ConnectionName], Field(min_length=1)]


class RefersModel(Strict):
    """What follows from the references that one field of the records of this flow holds."""

    from_: Name = Field(alias="from", description="The field: a set that a mapping fills by `find`, or a text.")
    to: Among = Field(description="Flows, each with the member whose keys or ids are meant.")
    through: Among | None = Field(
        default=None, description="Flows in between, as in `to`: what their records refer to is meant."
    )
    when: str | None = Field(default=None, description="CEL condition over `record`: nothing follows before it holds.")
    order: Name | None = Field(
        default=None, description="A time of the record: who is newer by it is heard. Default: when it is said."
    )
    tell: dict[Name, TellModel] = Field(default={}, description="What is said to what is referred to.")
    answer: AnswerModel = Field(default=AnswerModel(), description="What the record says of itself.")


class FlowModel(Strict):
    """One record type kept in step between connections."""

    type: Name
    key: Annotated[Key, BeforeValidator(_as_key, json_schema_input_type=Literal["correlation"] | Key)] = Field(
        default=Key(), description="`correlation`, our own key stored in the objects, or also `{natural: field}`."
    )
    members: dict[ConnectionName, MemberModel] = Field(
        min_length=1, description="Two or more; one is enough for a flow that makes tasks, or that tasks are made into."
    )
    create: CreateModel = CreateModel()
    merge: Annotated[
        dict[str, AnyMergeRule], BeforeValidator(_by_default, json_schema_input_type=MergeKind | dict[str, MergeInput])
    ] = Field(default={}, description="`default` (latest), and by field: who wins when two edit at once.")
    authority: list[ConnectionName] = Field(default=[], description="Strongest first. Default: the order of `members`.")
    deliver: Annotated[
        dict[str, Delivery], BeforeValidator(_by_default, json_schema_input_type=Delivery | dict[str, Delivery])
    ] = Field(
        default={"default": "every_change"},
        description="`default`, and by field: each change in turn, or only the present state.",
    )
    on_delete: Literal["close", "case", "ignore"] = Field(
        default="case", description="What the deletion of one object means for the record."
    )
    max_tries: int = Field(default=8, ge=1, description="Failures of one lane alone before it becomes a case.")
    begins: Literal["draft", "shadow", "live"] = Field(
        default="live",
        description="Where it stands until somebody moves it (`lockstep flow`, API, console): a `draft` takes "
        "nothing in, `shadow` maps and plans and writes nothing.",
    )
    approve_mappings: bool = Field(
        default=False, description="A mapping of this flow is published only after another person approved it."
    )
    wait_for_links: Duration = Field(
        default=3600.0, description="So long a record waits for one that it names, such as its parent.", gt=0
    )
    fan_out: list[FanOutModel] = Field(default=[], description="Tasks that are made of its records.")
    refers: list[RefersModel] = Field(default=[], description="What follows from what its records refer to.")


class Limits(Strict):
    """What anybody who reaches the port may do."""

    body: Size = Field(default=10 << 20, description="Longest accepted body; a longer one is answered 413.", gt=0)
    in_flight: Size = Field(
        default=64 << 20, description="Bodies being received at the same time; more is answered 503.", gt=0
    )
    disk_reserve: Size = Field(
        default=256 << 20, description="With less free in `data`, changes are answered 503 and polls wait."
    )
    unhandled: int = Field(
        default=100_000, ge=1, description="With more entries of the stream unhandled, changes are answered 503."
    )
    requests: int = Field(
        default=6_000, ge=0, description="Of one caller of the API, per minute and worker; more is 429. 0: no limit."
    )


class MappingsModel(Strict):
    """Where mappings come from."""

    managed_by: Literal["files", "database"] = Field(
        default="files",
        description="`files`: what stands there is used. `database`: what was published last, else the file.",
    )


class ConfigFile(Strict):
    """`lockstep.yaml`."""

    lockstep: Literal[1] = Field(description="Version of this format.")
    name: ConnectionName = Field(default="lockstep", description="Sets installations apart that share a Kafka cluster.")
    data: str = Field(
        default="./data", description="Directory of the embedded store and stream, relative to this file."
    )
    database: DatabaseUrl | None = Field(
        default=None, description="Default: a SQLite file in `data`. Or postgresql+asyncpg://..."
    )
    stream: StreamUrl | None = Field(default=None, description="Default: a SQLite file in `data`. Or kafka://host:port")
    partitions: int = Field(default=8, ge=1, le=1000, description="Of the stream.")
    listen: Annotated[str, AfterValidator(listen_address)] = Field(
        default="127.0.0.1:8080", description="Where webhooks, health and state are served."
    )
    limits: Limits = Limits()
    connections: dict[ConnectionName, ConnectionModel] = Field(min_length=1)
    flows: dict[Name, FlowModel] = Field(min_length=1)
    retention: Retention = Retention()
    secrets: SecretsModel = SecretsModel()
    signing: SigningModel = SigningModel()
    access: AccessModel = AccessModel()
    metrics: Literal["signed_in", "open"] = Field(
        default="signed_in", description="Who may read `/metrics`: tokens with the right `see`, or whoever gets there."
    )
    cases: CasesModel = CasesModel()
    high_risk: HighRiskModel = HighRiskModel()
    replay: ReplayModel = ReplayModel()
    mappings: MappingsModel = MappingsModel()
    notifications: NotificationsModel = NotificationsModel()
    siem: SiemModel = SiemModel()
    leavers: LeaversModel = LeaversModel()
