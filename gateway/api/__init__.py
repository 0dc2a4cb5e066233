"""The HTTP API under `/v1`: routes, problems, idempotency keys and the live stream, over `gateway.work`."""
