"""All of `lockstep`, for whoever describes it."""

from gateway.cli.nouns import app_of

app = app_of()
