"""All benchmarks in one run: `make bench`, or `python -m tests.bench store tree` for some.

Figures are of this machine on this day; read the ratios. Each part is a process of its own: what
one leaves in memory slows the next, and counts as its peak."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys

PARTS = ("start", "tree", "stream", "transcript", "hour", "library", "compare", "store")


def main(names: list[str]) -> None:
    print(f"{datetime.date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for name in names or PARTS:
        print(f"\n### {name}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
