"""Copy the newest records into the tables of ``docs/benchmarks.md``, and draw its picture from them.

``--check`` changes nothing and fails where the page or the picture differs from the records.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness import report
from harness.machine import ROOT
from watching import growth, tables

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "pictures" / "monitor-growth.svg"
_SECTION = re.compile(r"(<!-- record: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

Sections = Mapping[str, Callable[[Mapping[str, Any]], str]]

SCORE: Sections = {
    "head": report.head,
    "rows": report.rows_table,
    "prices": report.prices_table,
    "small": report.small_table,
    "figures": report.figures_table,
    "losses": report.losses_list,
}
MONITOR: Sections = {
    "monitor_head": tables.head,
    "monitor_rows": tables.rows_table,
    "monitor_moves": tables.moves_table,
    "monitor_peers": tables.peers_table,
    "monitor_growth": tables.growth_table,
    "monitor_figures": report.figures_table,
}


def filled(page: str, record: Mapping[str, Any], sections: Sections) -> str:
    """Replace the marked sections of the page that a record fills."""

    def section(found: re.Match[str]) -> str:
        fill = sections.get(found[2])
        return found[0] if fill is None else f"{found[1]}{fill(record)}\n{found[3]}"

    return _SECTION.sub(section, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill or check the page; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail where something is stale")
    options = parser.parse_args(arguments)
    records = {name: report.newest(benchmark=name) for name in (report.FIRST, "monitor")}
    missing = [name for name, record in records.items() if record is None]
    if missing:
        sys.stderr.write(f"benches/record holds no record of {' and '.join(missing)}: run make bench\n")
        return 1
    wanted = {PAGE: PAGE.read_text(encoding="utf-8")}
    for record, sections in zip(records.values(), (SCORE, MONITOR), strict=True):
        assert record is not None
        wanted[PAGE] = filled(wanted[PAGE], record, sections)
        if "growth" in record:
            wanted[PICTURE] = growth.picture(record["growth"])
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if options.check:
        for path in stale:
            name = path.relative_to(ROOT)
            sys.stderr.write(f"{name} differs from the newest record: run benches/python/fill_docs.py\n")
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
