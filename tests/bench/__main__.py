"""All benchmarks in one run: `make bench`, or `python -m tests.bench store tree` for some.

Figures are of this machine on this day; read the ratios."""

from __future__ import annotations

import datetime
import importlib
import os
import platform
import sys

PARTS = ("start", "tree", "stream", "transcript", "hour", "library", "compare", "store")


def main(names: list[str]) -> None:
    print(f"{datetime.date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for name in names or PARTS:
        print(f"\n### {name}\n", flush=True)
        for line in importlib.import_module(f"tests.bench.{name}").table():
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
