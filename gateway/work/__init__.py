"""What people ask of a gateway and do with it: one function per verb, the same for API, console and command line."""
