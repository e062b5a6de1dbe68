"""``crossmargin venues diff``: what two sets of rules say differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import crossmargin as xm
from crossmargin.cli import presets
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.layout import aligned
from crossmargin.cli.terminal import plural
from crossmargin.cli.venues import market_of
from crossmargin.cli.writers import write_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

Row = dict[str, Any]


def run(args: argparse.Namespace) -> None:
    """Compare two markets, as text or as the table of `crossmargin.diff`."""
    before, after = market_of(args.before), market_of(args.after)
    changes = xm.diff(before, after)
    if args.format is not None:
        write_table(changes, STANDARD, args.format)
        return
    print(f"before  {before.id}")
    print(f"after   {after.id}")
    print(f"{plural(len(changes), 'value')} differ{'s' if len(changes) == 1 else ''}")
    for line in _lines(changes, before, after):
        print(line)
    print()
    print(presets.NOTICE)


def _lines(changes: xm.Table, before: xm.Market, after: xm.Market) -> Iterator[str]:
    """Lay the values out, with the sources below; what is said of an instrument that only one has is counted."""
    rows = _counted(changes.rows(), before, after)
    if not rows:
        return
    sources = list(dict.fromkeys(row["source"] for row in rows if row["source"] is not None))
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in ("path", "before", "after")}
    cited = [None if row["source"] is None else f"[{sources.index(row['source']) + 1}]" for row in rows]
    yield ""
    yield from aligned(columns | ({"source": cited} if sources else {}))
    if sources:
        yield ""
    for number, source in enumerate(sources, 1):
        yield f"[{number}] {source}"


def _counted(rows: list[Row], before: xm.Market, after: xm.Market) -> list[Row]:
    """Put the rows of each instrument that only one market has into one."""
    names = [set(market.instruments["instrument"].tolist()) for market in (before, after)]
    lone = names[0] ^ names[1]
    kept: list[Row] = []
    counts: dict[str, int] = {}
    for row in rows:
        of = row["instrument"]
        if of is None or not set(of.split(", ")) <= lone:
            kept.append(row)
            continue
        if of not in counts:
            kept.append({"path": f"instrument {of}", "instrument": of, "source": None})
        counts[of] = counts.get(of, 0) + 1
    return [
        row if "before" in row else row | _total(counts[row["instrument"]], row["instrument"], names[1]) for row in kept
    ]


def _total(count: int, instruments: str, later: set[str]) -> Row:
    """Say how many values an instrument has, on the side that has it."""
    told = plural(count, "value")
    is_new = instruments.split(", ", maxsplit=1)[0] in later
    return {"before": None, "after": told} if is_new else {"before": told, "after": None}
