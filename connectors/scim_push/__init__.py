"""An identity provider that pushes users and groups to the gateway by SCIM 2.0."""
