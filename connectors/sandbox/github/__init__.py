"""The stand-in for GitHub: one repository of one organisation."""
