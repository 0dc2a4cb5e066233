"""The SCIM 2.0 endpoint: identity providers push users and groups, which are kept here and told of as changes."""
