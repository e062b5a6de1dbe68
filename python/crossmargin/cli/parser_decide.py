"""The options of what is asked before a trade: ``check`` and ``compare``."""

from __future__ import annotations

import argparse

from crossmargin.cli.formats import FORMATS
from crossmargin.cli.options import add_rules, add_tables, add_work

_CHECK_EXAMPLE = """\
tables are those of crossmargin score; proposed orders have the columns of orders,
and are judged in their order, each with what was accepted before it

exit codes: 0 all are accepted, 3 some are not, 1 and 2 as elsewhere

example:
  crossmargin check --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --proposed proposed.csv --after margin_ratio,liquidation_price
"""

_COMPARE_EXAMPLE = """\
tables are those of crossmargin score
  cash   account, instrument, isolated_margin; optional position_side: what each
         position gets where it is isolated
  moves  a JSON object of label to move: {"crash": {"BTCUSDT": -0.1}}, fractions by
         name of an instrument, an underlying or an asset

example:
  crossmargin compare --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --allot pro_rata --out modes.csv
"""


def add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe ``crossmargin check``."""
    parser = commands.add_parser(
        "check",
        help="say which proposed orders a venue would accept",
        description="Judge proposed orders by the venue's own rules: order cost, tiers, caps, sizes, sides.",
        epilog=_CHECK_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_rules(parser)
    add_tables(parser)
    group = parser.add_argument_group("proposed orders")
    group.add_argument("--proposed", metavar="FILE", required=True, help="a row per order, in their order")
    group.add_argument(
        "--assume",
        choices=("resting", "market_filled", "filled"),
        default="resting",
        help="what an accepted order is for those after it (default: resting)",
    )
    group.add_argument("--fee", choices=("taker", "maker", "none"), help="what fills pay (default: taker, if stated)")
    group = parser.add_argument_group("results")
    group.add_argument("--after", metavar="NAMES", help="figures of the pool with the order in it, or all")
    group.add_argument("--violations", action="store_true", help="also say every reason that applies, as bits")
    group.add_argument("--out", metavar="FILE", default="-", help="a row per order (default: standard output)")
    group.add_argument("--positions-out", metavar="FILE", help="also write the positions after accepted orders")
    group.add_argument("--rejects", metavar="FILE", help="write the faults of the tables, a row each")
    group.add_argument("--format", choices=FORMATS, help="of files whose name does not tell; standard output is csv")
    add_work(parser, reference=False)


def add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe ``crossmargin compare``."""
    parser = commands.add_parser(
        "compare",
        help="lay the same positions side by side: as they are, cross and isolated",
        description="Compare margin modes: what is locked, what is free, and what fails, for each account.",
        epilog=_COMPARE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_rules(parser)
    add_tables(parser)
    group = parser.add_argument_group("what is compared")
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "--allot",
        choices=("initial_margin", "pro_rata"),
        default="initial_margin",
        help="what each position gets where it is isolated (default: initial_margin)",
    )
    which.add_argument("--cash", metavar="FILE", help="what each position gets, a row per position")
    group.add_argument("--moves", metavar="FILE", help="also the return on locked capital after these moves")
    group.add_argument("--intervals", action="store_true", help="also the safe interval of each position, by mode")
    group.add_argument("--valuation", metavar="ASSET", help="the asset that figures are stated in")
    group = parser.add_argument_group("results")
    group.add_argument("--out", metavar="FILE", default="-", help="a row per account (default: standard output)")
    group.add_argument("--positions-out", metavar="FILE", help="a row per position; with --intervals")
    group.add_argument("--rejects", metavar="FILE", help="write the faults of the tables, a row each")
    group.add_argument("--format", choices=FORMATS, help="of files whose name does not tell; standard output is csv")
    add_work(parser, reference=False)
