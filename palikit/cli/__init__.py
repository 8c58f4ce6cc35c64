"""The command line: one file a family of commands; each imports what it needs when it runs."""
