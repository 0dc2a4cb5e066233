"""The API as a caller meets it: a package, so that its gateway ends with its last test and not with the run."""
