"""HubSpot: tickets, contacts, companies and deals by the CRM objects API v3 (facts.md 5.2)."""
