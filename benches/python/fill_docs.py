"""Copy the newest record into the tables of ``docs/benchmarks.md``.

``--check`` changes nothing and fails where the page differs from the record.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness import report
from harness.machine import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
_SECTION = re.compile(r"(<!-- record: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

SECTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "head": report.head,
    "rows": report.rows_table,
    "prices": report.prices_table,
    "small": report.small_table,
    "figures": report.figures_table,
    "losses": report.losses_list,
}


def filled(page: str, record: Mapping[str, Any]) -> str:
    """Replace every marked section of the page from the record."""

    def section(found: re.Match[str]) -> str:
        return f"{found[1]}{SECTIONS[found[2]](record)}\n{found[3]}"

    return _SECTION.sub(section, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill or check the page; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail where the page is stale")
    options = parser.parse_args(arguments)
    record = report.newest()
    if record is None:
        sys.stderr.write("benches/record holds no record: run make bench\n")
        return 1
    page = PAGE.read_text(encoding="utf-8")
    new = filled(page, record)
    if options.check:
        if new != page:
            sys.stderr.write("docs/benchmarks.md differs from the newest record: run benches/python/fill_docs.py\n")
        return int(new != page)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
