"""Who works where: the desks of all five systems, and the acts they play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from gateway.demo.clerks import Clerks
from gateway.demo.customers import Customers
from gateway.demo.desks import Api, Desk, JiraDesk, ServiceNowDesk
from gateway.demo.developers import Developers
from gateway.demo.flows import PROJECT
from gateway.demo.leaver import Leaver, Patient
from gateway.demo.offices import BambooHrDesk, GitHubDesk, KeyApi, SalesforceDesk, TokenApi
from gateway.demo.scene import Scene
from gateway.demo.staff import Staff
from gateway.demo.stand_ins import CRM, DIR, HR, HUB, JIRA, SNOW, StandIn
from gateway.demo.story import Act


@dataclass(frozen=True, slots=True)
class Cast:
    """The desks of one run."""

    clerks: Clerks
    snow: ServiceNowDesk
    jira: JiraDesk
    crm: SalesforceDesk
    hub: GitHubDesk
    hr: BambooHrDesk
    back_door: StandIn

    @classmethod
    def of(cls, stand_ins: Mapping[str, StandIn], http: aiohttp.ClientSession) -> Cast:
        """With the stand-ins' addresses."""
        snow, jira = Api(stand_ins[SNOW].url, http), Api(stand_ins[JIRA].url, http, email_signs_in=True)
        crm, hub, directory = (TokenApi(stand_ins[name].url, http) for name in (CRM, HUB, DIR))
        doors = {SNOW: snow, JIRA: jira, CRM: crm, HUB: hub, DIR: directory}
        return cls(
            Clerks.at({name: Patient(door) for name, door in doors.items()}),
            ServiceNowDesk(snow),
            JiraDesk(jira, PROJECT),
            SalesforceDesk(crm),
            GitHubDesk(hub),
            BambooHrDesk(KeyApi(stand_ins[HR].url, http)),
            stand_ins[HR],
        )

    @property
    def pair(self) -> dict[str, Desk]:
        """Where people edit at random, all the time."""
        return {SNOW: self.snow, JIRA: self.jira}

    def acts(self, scene: Scene, leaver: Leaver) -> Sequence[Act]:
        """What the others do, each once."""
        return (
            Customers(scene, self.crm, self.snow, self.jira).call,
            Developers(scene, self.hub, self.snow).mend,
            Staff(scene, self.hr, self.crm, self.back_door).come_and_go,
            leaver.leave,
            leaver.stay_gone,
        )
