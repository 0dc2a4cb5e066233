"""The command line: `lockstep NOUN VERB`. Data on stdout, talk on stderr. One module per noun."""
