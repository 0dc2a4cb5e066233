"""Events as receivers want them: OCSF, ECS, CEF, LEEF, plain JSON; alone or as syslog messages. Pure functions."""
