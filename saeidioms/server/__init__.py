"""The report served on this machine, with what needs a server: all examples, search, editing."""
