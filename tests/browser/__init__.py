"""The console in a real browser: a package, so that the browser ends with its last test and not with the run."""
