"""Intake: webhooks and polls become changes in the stream; 2xx and moved cursors only once they are durable."""
