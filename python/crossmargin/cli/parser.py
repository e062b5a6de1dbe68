"""The options of the command: what can be asked, in argparse's words.

Nothing of the library is imported here, so that a mistyped option is answered at once.
"""

from __future__ import annotations

import argparse

from crossmargin.cli.formats import FORMATS
from crossmargin.cli.options import add_rules, add_tables, add_work, count, leverage, seed, yes
from crossmargin.cli.parser_decide import add_check, add_compare

_SCORE_EXAMPLE = """\
tables, one row each:
  balances   account, asset, wallet_balance; optional bonus, borrowed
  positions  account, instrument, quantity, entry_price; optional leverage,
             margin_mode, isolated_margin, position_side, tier_version, tier
  orders     account, instrument, quantity, price; optional trigger_price,
             reduce_only, position_side, margin_mode, leverage, kind, order_id
  accounts   account; optional profile, tier_coefficient, margin_mode,
             position_mode
  settings   account, instrument; optional leverage, margin_mode
  marks      instrument, mark_price;  or a JSON object of instrument to price
  history    time and a column per instrument; or time, instrument, mark_price
  last       instrument, last_price;  or a JSON object of instrument to price
  index      asset, index_price;      or a JSON object of asset to price

example:
  crossmargin score --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --outputs all --out scores.parquet
"""

_PRICES_EXAMPLE = """\
tables are those of crossmargin score

example:
  crossmargin prices --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --out prices.csv --ladder ladder.svg --underlying BTC
"""

_WATCH_EXAMPLE = """\
tables are those of crossmargin score; references has account, reference_equity

frames, which are read as they come:
  jsonl  {"time": 1727769600000000000, "mark": {"BTCUSDT": 64000.0}} a line, with
         index and last as there are; or what --record wrote, operations too
  csv    time and a column per instrument, empty where there is no news; or a row
         per price: name, price, optional quote, frame, time

example:
  crossmargin watch --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --frames frames.jsonl --snapshot watch.state --resume
"""

_RECONCILE_EXAMPLE = """\
replies, told by their keys, or by NAME=FILE:
  binance      account; optional positions (positionRisk), orders, brackets
  bybit        wallet, positions; optional orders, risk-limit
  hyperliquid  state; meta makes the rules; optional contexts
  okx          balance, positions; optional position-tiers
  ccxt         balance, positions; optional orders, tickers, markets, tiers

exit codes: 0 every difference is explained, 3 one is not, 1 and 2 as elsewhere

example:
  crossmargin reconcile --source binance --kind usdm account.json --market binance-usdm
"""


_EXPLAIN_EXAMPLE = """\
example:
  crossmargin explain --preset binance-usdm --balances balances.csv --positions positions.csv \\
      --marks marks.json --account ann --term maintenance_margin
"""


def build_parser(version: str) -> argparse.ArgumentParser:
    """Describe the command.

    Parameters
    ----------
    version : str
        What ``--version`` prints.

    Returns
    -------
    ArgumentParser
        The chosen subcommand is in ``args.command``.
    """
    parser = argparse.ArgumentParser(
        prog="crossmargin",
        description="Margin and liquidation of cross-collateralised accounts.",
        epilog="Presets are unofficial restatements of what venues publish.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"crossmargin {version}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_score(commands)
    _add_prices(commands)
    _add_explain(commands)
    _add_watch(commands)
    add_check(commands)
    add_compare(commands)
    _add_synth(commands)
    _add_demo(commands)
    presets = commands.add_parser("presets", help="list the presets that are shipped", allow_abbrev=False)
    presets.add_argument("--format", choices=FORMATS, help="write a table instead of text")
    _add_venues(commands)
    _add_reconcile(commands)
    return parser


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "score",
        help="score the accounts in tables",
        description="Score every pool of a book at given prices. A file name of - is standard input or output.",
        epilog=_SCORE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_rules(parser)
    add_tables(parser, history=True)
    _add_results(parser)
    add_work(parser)


def _add_prices(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "prices",
        help="find the prices at which accounts in tables are liquidated",
        description="Find the prices at which pools fail: for each position as the mark of its instrument moves, or "
        "for each pool as an underlying moves with all that is priced by it.",
        epilog=_PRICES_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_rules(parser)
    add_tables(parser)
    group = parser.add_argument_group("results")
    group.add_argument(
        "--along",
        choices=("instrument", "underlying"),
        default="instrument",
        help="what moves: a row per position, or per pool and underlying (default: instrument)",
    )
    group.add_argument(
        "--outputs",
        metavar="NAMES",
        help="of positions, separated by commas, or all: below, above, liquidation_price, bankruptcy_price, "
        "liquidatable",
    )
    group.add_argument("--out", metavar="FILE", default="-", help="where the rows go (default: standard output)")
    group.add_argument(
        "--venue-rounded", action="store_true", help="round prices of positions to ticks, as the venue does"
    )
    group.add_argument("--ladder", metavar="FILE", help="also draw notional against price: .svg or .html")
    group.add_argument("--underlying", metavar="NAME", help="whose price the ladder is drawn against")
    group.add_argument("--valuation", metavar="ASSET", help="the asset that its notional is stated in")
    group.add_argument("--rejects", metavar="FILE", help="write the faults of the tables, a row each")
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="of files whose name does not tell; standard output is csv unless this says otherwise",
    )
    add_work(parser)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "explain",
        help="say why an account's figures are what they are",
        description="Print every figure of an account's pools with its formula, its numbers, the rule and its source.",
        epilog=_EXPLAIN_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    group = parser.add_argument_group("what")
    group.add_argument("--account", metavar="KEY", help="the account; may be left out where there is one")
    group.add_argument("--term", metavar="NAME", help="one figure with what it is made of, such as maintenance_margin")
    group.add_argument(
        "--liquidation-price", metavar="NAME", help="the liquidation price of an instrument that is held"
    )
    add_rules(parser)
    add_tables(parser)
    results = parser.add_argument_group("results")
    results.add_argument("--out", metavar="FILE", default="-", help="write a row per term (default: print a tree)")
    results.add_argument("--format", choices=FORMATS, help="of the rows and of files whose name does not tell")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(rejects=None)


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "watch",
        help="watch the accounts in tables while prices come",
        description="Apply frames of prices as they come, and report each flag of a pool or account that changes.",
        epilog=_WATCH_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_rules(parser, required=False)
    add_tables(parser, watched=True)
    group = parser.add_argument_group("frames")
    group.add_argument("--frames", metavar="FILE", default="-", help="where they come from (default: standard input)")
    group.add_argument("--frames-format", choices=("jsonl", "csv"), help="of frames whose name does not tell (jsonl)")
    group = parser.add_argument_group("what is watched")
    group.add_argument("--liquidation", choices=("on", "latched", "off"), default="on", help="(default: on)")
    group.add_argument("--levels", metavar="L,L", default="2,1.5,1.2", help="of the margin ratio, or off (2,1.5,1.2)")
    group.add_argument("--soft-stop", metavar="SHARE", default="0.15", help="of the reference, or off (default: 0.15)")
    group.add_argument("--valuation", metavar="ASSET", help="the asset that accounts are valued in for it")
    group.add_argument("--references", metavar="FILE", help="what losses are measured from (default: the equity now)")
    group = parser.add_argument_group("results")
    group.add_argument("--events", metavar="FILE", default="-", help="lines of JSON (default: standard output)")
    group.add_argument("--json", action="store_true", help="lines of JSON on a terminal too, and no live table")
    group.add_argument("--rows", type=count, default=15, metavar="N", help="pools in the live table (default: 15)")
    group.add_argument("--rejects", metavar="FILE", help="write the faults of the tables, a row each")
    group.add_argument("--format", choices=FORMATS, help="of files whose name does not tell")
    group = parser.add_argument_group("state")
    group.add_argument("--snapshot", metavar="FILE", help="keep the state in this file, at the end")
    group.add_argument("--snapshot-every", type=count, metavar="SECONDS", help="and every so often")
    group.add_argument("--record", metavar="FILE", help="write what is applied to this log")
    group.add_argument(
        "--resume", action="store_true", help="go on from the snapshot and the record, if they are there"
    )
    group = parser.add_argument_group("work")
    group.add_argument("--threads", type=count, metavar="N", help="threads to work with")
    group.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--outputs",
        metavar="NAMES",
        default="excess,margin_ratio,liquidatable",
        help="separated by commas, or all (default: excess,margin_ratio,liquidatable)",
    )
    group.add_argument("--out", metavar="FILE", default="-", help="a row per pool (default: standard output)")
    group.add_argument("--venue-rounded", action="store_true", help="round the pools' figures as the venue shows them")
    group.add_argument("--positions-out", metavar="FILE", help="also write a row per position")
    group.add_argument("--accounts-out", metavar="FILE", help="also write a row per account")
    group.add_argument("--valuation", metavar="ASSET", help="the asset that accounts are stated in")
    group.add_argument("--rejects", metavar="FILE", help="write the faults of the tables, a row each")
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="of files whose name does not tell; standard output is csv unless this says otherwise",
    )


def _add_synth(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "synth",
        help="write the tables of a made-up book",
        description="Draw a book from a seed and write its tables: R1, on which speed is measured, or retail accounts.",
        allow_abbrev=False,
    )
    parser.add_argument("workload", choices=("R1", "retail"))
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the tables; made if it is not there")
    parser.add_argument(
        "--accounts",
        "--pools",
        dest="accounts",
        type=count,
        default=1_000_000,
        metavar="N",
        help="how many (default: 1000000)",
    )
    parser.add_argument("--seed", type=seed, metavar="S", help="seed of the draw (default: that of the benchmarks)")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="of the tables (default: csv)")
    parser.add_argument("--preset", metavar="NAME", help="rules that retail accounts are drawn for (binance-usdm)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="score a million made-up accounts and look at them",
        description="Draw retail accounts, score them under binance-usdm, show what came out and write it as Arrow.",
        allow_abbrev=False,
    )
    parser.add_argument("--accounts", type=count, default=1_000_000, metavar="N", help="how many (default: 1000000)")
    parser.add_argument("--seed", type=seed, default=1, metavar="S", help="seed of the draw (default: 1)")
    parser.add_argument("--out", metavar="DIR", default="out", help="folder for scores.arrow (default: out)")
    parser.add_argument("--threads", type=count, metavar="N", help="threads to score with")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _add_venues(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "venues", help="show the rules of a preset, check a market file, compare two", allow_abbrev=False
    )
    venues = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    listing = venues.add_parser("list", help="list the presets that are shipped", allow_abbrev=False)
    listing.add_argument("--format", choices=FORMATS, help="write a table instead of text")
    show = venues.add_parser("show", help="show what a preset says and where it says so from", allow_abbrev=False)
    show.add_argument("name", metavar="NAME", help="a shipped preset")
    show.add_argument("--as-of", metavar="DATE", help="its newest file dated at most this, YYYY-MM-DD")
    check = venues.add_parser("check", help="read a market file and say what it holds", allow_abbrev=False)
    check.add_argument("file", metavar="FILE", help="a market file (TOML)")
    diff = venues.add_parser("diff", help="show what two sets of rules say differently", allow_abbrev=False)
    for name in ("before", "after"):
        diff.add_argument(name, metavar=name.upper(), help="a preset, NAME/DATE, or a market file (TOML)")
    diff.add_argument("--format", choices=FORMATS, help="write a table instead of text")


def _add_reconcile(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "reconcile",
        help="lay our figures beside those of a venue's own reply",
        description="Compare the figures that a venue reports of an account with ours, and say why they differ.",
        epilog=_RECONCILE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="replies of one account; NAME=FILE says which it is")
    parser.add_argument(
        "--source", choices=("binance", "bybit", "hyperliquid", "okx", "ccxt"), required=True, help="who wrote them"
    )
    rules = parser.add_argument_group("rules")
    rules.add_argument("--market", metavar="RULES", help="a preset, NAME/DATE, or a market file (default: as replied)")
    rules.add_argument("--as-of", metavar="DATE", help="the preset's newest file dated at most this; the day of meta")
    _add_open_questions(parser)
    prices = parser.add_argument_group("prices, which come before those of the replies")
    prices.add_argument("--marks", metavar="FILE", help="mark prices by instrument")
    prices.add_argument("--index", metavar="FILE", help="prices of assets in the market's valuation asset")
    group = parser.add_argument_group("results")
    group.add_argument("--all", action="store_true", help="show figures that are equal too")
    group.add_argument("--format", choices=FORMATS, help="write a table of every figure instead of text")
    group.add_argument(
        "--out", metavar="FILE", default="-", help="where the table is written (default: standard output)"
    )
    group.add_argument("--quiet", action="store_true", help="no summary beside a table")


def _add_open_questions(parser: argparse.ArgumentParser) -> None:
    """Add what replies leave open; each is asked for where it matters."""
    group = parser.add_argument_group("what replies leave open")
    group.add_argument("--account", metavar="KEY", default="main", help="what the account is called (default: main)")
    group.add_argument("--kind", choices=("usdm", "coinm"), help="binance: which futures")
    group.add_argument("--multi-assets", type=yes, metavar="yes|no", help="binance: whether one pool spans the assets")
    group.add_argument(
        "--coefficient", choices=("applied", "to_apply"), help="binance: whether brackets have it in them"
    )
    group.add_argument("--category", choices=("linear", "inverse"), help="bybit: which positions (default: linear)")
    group.add_argument("--margin-mode", choices=("cross", "isolated"), help="bybit: of the account")
    group.add_argument("--bonus-in-wallet", type=yes, metavar="yes|no", help="bybit: whether walletBalance has it")
    group.add_argument("--collateral", metavar="ASSET", help="hyperliquid: what amounts are in (default: USDC)")
    group.add_argument("--isolated-in-cash", type=yes, metavar="yes|no", help="okx: whether cashBal has that margin")
    group.add_argument("--exchange", metavar="ID", help="ccxt: its id of the exchange, such as binanceusdm")
    group.add_argument(
        "--total-has-profit", type=yes, metavar="yes|no", help="ccxt: whether total has unrealised profit"
    )
    group.add_argument(
        "--margins-in-percent", type=yes, metavar="yes|no", help="ccxt: whether percentages are in percent"
    )
    group.add_argument("--tier-bounds", choices=("quote", "base", "contracts"), help="ccxt: what tiers are written in")
    group.add_argument("--leverage", type=leverage, metavar="L", help="a number, or NAME=L,NAME=L, where none is told")
    group.add_argument("--contract-sizes", metavar="FILE", help="by instrument, where they are not the market's")
