"""What the endpoint says of itself and how strictly it reads; the protocol itself is a library's (ADR 0171)."""

from __future__ import annotations

from typing import Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    EnterpriseUser,
    ETag,
    Extension,
    External,
    Filter,
    Group,
    Patch,
    PatchOp,
    Reference,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from gateway.intake.scim.dialects import as_meant

MOST_RESULTS = 200
"""Resources of one page."""


class Protocol(ScimService):
    """SCIM 2.0 as the gateway speaks it: an answer to a PATCH shows the resource, which Okta wants and others take."""

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> PatchOp[Resource[Any]]:
        """The operations, in every dialect that is known."""
        return super().read_patch(resource_type, as_meant(body), content_type)

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        """200 with the resource."""
        published = self.publish(base_url, resource)
        return self.resource_response(published, Context.RESOURCE_REPLACEMENT_RESPONSE, response_parameters)


def protocol() -> Protocol:
    """Of users with the enterprise extension, and groups."""
    models: list[type[Resource[Any]] | type[Extension]] = [User, EnterpriseUser, Group]
    types = [ResourceType.from_resource(User[EnterpriseUser]), ResourceType.from_resource(Group)]
    return Protocol(ScimProvider(models, types, config=_config(), policy=_policy()))


def _config() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token with the right to push to this connection",
                spec_uri=Reference[External]("https://datatracker.ietf.org/doc/html/rfc6750"),
                primary=True,
            )
        ],
    )


def _policy() -> ScimPolicy:
    """A leaver is not refused because of an attribute that nobody here knows: it is kept, and mappings may read it."""
    return ScimPolicy(
        unknown=ScimPolicy.Unknown.keep,
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    )
