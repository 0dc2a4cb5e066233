"""The public clients `python-gitlab` and `python-jenkins` work against the stand-ins as against the vendors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import gitlab
import jenkins
import pytest

from connectors import sandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
"""The clients' own."""


async def _at(system: str, data: Path, work: Callable[[str], None]) -> None:
    """The client blocks, the stand-in lives on this loop."""
    stand_in = await sandbox.start(system, data=data / f"{system}.db")
    try:
        await asyncio.to_thread(work, stand_in.url)
    finally:
        await stand_in.stop()


async def test_what_is_built_and_deployed_in_gitlab(tmp_path: Path) -> None:
    def work(url: str) -> None:
        with gitlab.Gitlab(url, private_token="ann-secret") as client:
            client.auth()
            assert client.user is not None
            assert client.user.username == "ann"
            project = client.projects.get(14, lazy=True)
            asked = {"title": "A", "source_branch": "a", "target_branch": "main"}
            proposed = project.mergerequests.create(asked)
            proposed.merge()
            assert [each.state for each in project.mergerequests.list(iterator=True, order_by="updated_at")] == [
                "merged"
            ]
            built = project.pipelines.create({"ref": "main", "variables": [{"key": "END", "value": "failed"}]})
            built.retry()
            assert project.pipelines.get(built.id).status == "success"
            new = {"environment": "production", "sha": built.sha, "ref": "main", "tag": False, "status": "running"}
            deployed = project.deployments.create(new)
            deployed.status = "success"
            deployed.save()
            assert project.deployments.get(deployed.id).environment["tier"] == "production"
            assert {each.username for each in project.members_all.list(iterator=True, per_page=2)} >= {"ann", "bob"}
            with pytest.raises(gitlab.exceptions.GitlabGetError, match="404"):
                project.mergerequests.get(99)

    await _at("gitlab", tmp_path, work)


async def test_the_builds_of_a_jenkins_job(tmp_path: Path) -> None:
    def work(url: str) -> None:
        client = jenkins.Jenkins(url, username="ann", password="ann-secret")
        assert client.get_whoami()["fullName"] == "Ann Archer"
        client.build_job("apps/billing", {"RESULT": "UNSTABLE"})
        client.build_job("apps/billing", {"TEXT": "again"})
        job = client.get_job_info("apps/billing")
        assert [each["number"] for each in job["builds"]] == [2, 1]
        assert client.get_build_info("apps/billing", 1)["result"] == "UNSTABLE"
        client.delete_build("apps/billing", 1)
        with pytest.raises(jenkins.JenkinsException, match="does not exist"):
            client.get_build_info("apps/billing", 1)

    await _at("jenkins", tmp_path, work)
