"""The command line. Each command imports what it needs when it runs."""

from __future__ import annotations


def main() -> int:
    return 0
