"""The ways to receivers: syslog, Splunk's event collector, webhooks, files. Each knows what proves an arrival."""
