"""How GitHub shows people, the organisation and the repository: with the addresses that its OpenAPI document wants."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.people import Person

OWNER, REPO = "lockstep", "desk"
FULL_NAME = f"{OWNER}/{REPO}"
API = "https://api.github.com"
WEB = "https://github.com"
REPO_API = f"{API}/repos/{FULL_NAME}"
BRANCH = "main"
_ORG_ID, _REPO_ID = 38302899, 186853002
_OF_USERS = (
    "followers",
    "following",
    "gists",
    "starred",
    "subscriptions",
    "organizations",
    "repos",
    "events",
    "received_events",
)
_REPO_PARTS = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels "
    "languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags "
    "teams trees"
)


def node(kind: str, number: object) -> str:
    """A node id, as GraphQL knows it."""
    return f"{kind}_{number}"


def number_of(person: Person) -> int:
    """A person's account number."""
    return int(person.sys_id[:6], 16)


def user(person: Person) -> dict[str, Any]:
    """An account inside something else: without an address to write to."""
    return _account(person.name, number_of(person), "User")


def profile(person: Person) -> dict[str, Any]:
    """An account as it shows itself."""
    blank = ("company", "blog", "location", "hireable", "bio", "twitter_username")
    counted = ("public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos")
    return {
        **user(person),
        "user_view_type": "private",
        "name": person.full_name,
        "email": person.email,
        **dict.fromkeys(blank),
        **dict.fromkeys((*counted, "owned_private_repos", "disk_usage", "collaborators"), 0),
        "two_factor_authentication": True,
        "created_at": "2019-05-15T15:19:25Z",
        "updated_at": "2019-05-15T15:19:27Z",
    }


def _account(login: str, number: int, kind: str) -> dict[str, Any]:
    home = f"{API}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node("U", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": home,
        "html_url": f"{WEB}/{login}",
        **{f"{name}_url": f"{home}/{name}" for name in _OF_USERS},
        "type": kind,
        "site_admin": False,
    }


def organisation() -> dict[str, Any]:
    """Who owns the repository."""
    home = f"{API}/orgs/{OWNER}"
    names = ("repos", "events", "hooks", "issues", "members", "public_members")
    return {
        "login": OWNER,
        "id": _ORG_ID,
        "node_id": node("O", _ORG_ID),
        "url": home,
        **{f"{name}_url": f"{home}/{name}" for name in names},
        "avatar_url": f"https://avatars.githubusercontent.com/u/{_ORG_ID}?v=4",
        "description": "",
    }


def repository() -> dict[str, Any]:
    """The one repository there is."""
    return {
        "id": _REPO_ID,
        "node_id": node("R", _REPO_ID),
        "name": REPO,
        "full_name": FULL_NAME,
        "private": True,
        "owner": _account(OWNER, _ORG_ID, "Organization"),
        "html_url": f"{WEB}/{FULL_NAME}",
        "description": None,
        "fork": False,
        "url": REPO_API,
        **{f"{name}_url": f"{REPO_API}/{name}" for name in _REPO_PARTS.split()},
        "git_url": f"git://github.com/{FULL_NAME}.git",
        "ssh_url": f"git@github.com:{FULL_NAME}.git",
        "clone_url": f"{WEB}/{FULL_NAME}.git",
        "svn_url": f"{WEB}/{FULL_NAME}",
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        **dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled", "allow_forking"), False),
        **dict.fromkeys(("is_template", "web_commit_signoff_required"), False),
        "forks_count": 0,
        "mirror_url": None,
        "open_issues_count": 0,
        "license": None,
        "topics": [],
        "visibility": "private",
        "forks": 0,
        "open_issues": 0,
        "watchers": 0,
        "default_branch": BRANCH,
        "created_at": "2019-05-15T15:19:25Z",
        "updated_at": "2019-05-15T15:19:27Z",
        "pushed_at": "2019-05-15T15:20:32Z",
    }


def full_repository() -> dict[str, Any]:
    """The same where it is asked for by itself."""
    return {**repository(), "network_count": 0, "subscribers_count": 1}
