"""Who works where: the desks of all five systems, and the acts they play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from gateway.demo.customers import Customers
from gateway.demo.desks import Api, Desk, JiraDesk, ServiceNowDesk
from gateway.demo.developers import Developers
from gateway.demo.flows import PROJECT
from gateway.demo.offices import BambooHrDesk, GitHubDesk, KeyApi, SalesforceDesk, TokenApi
from gateway.demo.scene import Scene
from gateway.demo.staff import Staff
from gateway.demo.stand_ins import CRM, HR, HUB, JIRA, SNOW, StandIn
from gateway.demo.story import Act


@dataclass(frozen=True, slots=True)
class Cast:
    """The desks of one run."""

    snow: ServiceNowDesk
    jira: JiraDesk
    crm: SalesforceDesk
    hub: GitHubDesk
    hr: BambooHrDesk
    back_door: StandIn

    @classmethod
    def of(cls, stand_ins: Mapping[str, StandIn], http: aiohttp.ClientSession) -> Cast:
        """With the stand-ins' addresses."""
        return cls(
            ServiceNowDesk(Api(stand_ins[SNOW].url, http)),
            JiraDesk(Api(stand_ins[JIRA].url, http, email_signs_in=True), PROJECT),
            SalesforceDesk(TokenApi(stand_ins[CRM].url, http)),
            GitHubDesk(TokenApi(stand_ins[HUB].url, http)),
            BambooHrDesk(KeyApi(stand_ins[HR].url, http)),
            stand_ins[HR],
        )

    @property
    def pair(self) -> dict[str, Desk]:
        """Where people edit at random, all the time."""
        return {SNOW: self.snow, JIRA: self.jira}

    def acts(self, scene: Scene) -> Sequence[Act]:
        """What the others do, each once."""
        return (
            Customers(scene, self.crm, self.snow, self.jira).call,
            Developers(scene, self.hub, self.snow).mend,
            Staff(scene, self.hr, self.crm, self.back_door).come_and_go,
        )
