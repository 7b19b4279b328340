"""The commands that need no screen: data on stdout, words on stderr."""
