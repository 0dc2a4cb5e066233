"""The one place that knows everything: parts are made, joined, started and stopped here."""
