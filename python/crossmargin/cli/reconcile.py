"""``crossmargin reconcile``: our figures beside those in the venue's own replies, and why they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import BINARY, STANDARD, format_of, pyarrow_for
from crossmargin.cli.layout import aligned
from crossmargin.cli.readers import read_prices
from crossmargin.cli.replies import in_options, market_of_meta, market_under, read_replies, snapshot_of
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.venues import market_of
from crossmargin.cli.writers import write_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from crossmargin.adapters import Snapshot
    from crossmargin.reconciliation import Reconciliation

UNEXPLAINED = 3
"""The exit code where figures differ for no cause that was tried."""

_ORDER = ("unexplained", "explained", "not computed", "equal")
_COLUMNS = (
    "level",
    "instrument",
    "position_side",
    "asset",
    "field",
    "ours",
    "theirs",
    "difference",
    "steps",
    "cause",
    "detail",
)
_FILES = {
    "mark": ("marks", "instrument", "mark_price"),
    "index": ("index", "asset", "index_price"),
    "contract_sizes": ("contract_sizes", "instrument", "contract_size"),
}


def run(args: argparse.Namespace) -> int:
    """Read the replies, compare, print or write the table; say by the exit code whether all is explained."""
    format_ = _check(args)
    replies = read_replies(args.source, args.files)
    prices = {name: _prices(args, *where) for name, where in _FILES.items()}
    snapshot = snapshot_of(args.source, replies, args, prices)
    market = market_under(args.source, _market(args, replies, snapshot), replies, args)
    found = _reconciled(snapshot, market, prices)
    unofficial = " (unofficial)" if market.id.partition("/")[0] in xm.presets()["preset"] else ""
    lines = [f"rules    {market.id}{unofficial}", f"figures  {_counts(found)}"]
    lines += [f"note     {note}" for note in snapshot.notes]
    if format_ is None:
        for line in (*lines, *_text(found, everything=args.all)):
            print(line)
    else:
        write_table(found.table, args.out, format_)
        progress = Progress(quiet=args.quiet)
        for line in lines:
            progress.say(line)
    return UNEXPLAINED if found.n_unexplained else 0


def _check(args: argparse.Namespace) -> str | None:
    """Give the format of the table, ``None`` for text; refuse options that do not go together."""
    inputs = [*(file.partition("=")[2] or file for file in args.files), args.marks, args.index, args.contract_sizes]
    if inputs.count(STANDARD) > 1:
        raise UsageError("several inputs were standard input; give all but one a file")
    if args.out == STANDARD and args.format is None:
        return None
    if args.all:
        raise UsageError("--all is of the text; the table has every figure, so leave it out with --format and --out")
    format_ = format_of(args.out, args.format, "--format")
    if format_ in BINARY:
        pyarrow_for(format_)
    return format_


def _prices(args: argparse.Namespace, option: str, key: str, column: str) -> dict[str, float] | None:
    file = getattr(args, option)
    return None if file is None else read_prices(file, option, key, column)


def _market(args: argparse.Namespace, replies: Mapping[str, Any], snapshot: Snapshot) -> xm.Market:
    """Load the rules: those that are named, or the ones that the replies tell."""
    if args.market is not None:
        return market_of(args.market, args.as_of)
    made = market_of_meta(replies, args) if args.source == "hyperliquid" else None
    if made is not None:
        return made
    if snapshot.preset is None:
        cure = "the file of meta, or --market" if args.source == "hyperliquid" else "--market"
        raise UsageError(f"no preset is known of what these replies are of; give {cure} with rules of your own")
    return xm.load_market(snapshot.preset, as_of=args.as_of)


def _reconciled(snapshot: Snapshot, market: xm.Market, prices: Mapping[str, Any]) -> Reconciliation:
    if len(snapshot.reported) == 0:
        raise UserError("the replies report no figure of the account, so that there is nothing to compare")
    try:
        return snapshot.reconcile(market, mark=prices["mark"], index=prices["index"])
    except xm.ArgumentError as error:
        raise UserError(in_options(str(error))) from None


def _counts(found: Reconciliation) -> str:
    statuses = found.table["status"].tolist()
    counts = ", ".join(f"{statuses.count(status):,} {status}" for status in reversed(_ORDER) if status in statuses)
    return f"{len(statuses):,}: {counts}"


def _text(found: Reconciliation, *, everything: bool) -> Iterator[str]:
    """Show what differs, what is unexplained first; equal figures where they are asked for."""
    rows = sorted(found.table.rows(), key=lambda row: _ORDER.index(row["status"]))
    # what doubles cannot tell from nothing is nothing
    rows = [row | ({"difference": 0.0, "steps": 0.0} if row["status"] == "equal" else {}) for row in rows]
    shown = [row for row in rows if everything or row["status"] != "equal"]
    yield ""
    if not shown:
        yield "every figure is equal; --all shows them"
        return
    columns = {name: [row[name] for row in shown] for name in _COLUMNS}
    if not set(columns["position_side"]) & {"long", "short"}:
        del columns["position_side"]
    yield from aligned(columns)
    if found.n_unexplained:
        yield ""
        told = plural(found.n_unexplained, "figure")
        yield f"{told} differ{'s' * (found.n_unexplained == 1)} for no cause that was tried: see docs/adapters.md"
