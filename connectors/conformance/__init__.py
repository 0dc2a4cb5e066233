"""The conformance kit: measures what a connector promises, against a stand-in or a staging system, and grades each
action by what it has seen.
"""
