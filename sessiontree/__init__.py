"""All Claude agent sessions as one tree, and every turn in it a place to start from."""

__version__ = "0.1.0"
