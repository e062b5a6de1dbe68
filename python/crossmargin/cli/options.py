"""Options that several subcommands have, and what is read from their words."""

from __future__ import annotations

import argparse

from crossmargin.cli.formats import FORMATS


def add_rules(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Ask for the rules: a preset or a file."""
    group = parser.add_argument_group("rules")
    which = group.add_mutually_exclusive_group(required=required)
    which.add_argument("--preset", metavar="NAME", help="a shipped preset (see crossmargin presets)")
    which.add_argument("--market", metavar="FILE", help="a market file (TOML) of your own")
    group.add_argument("--as-of", metavar="DATE", help="the preset's newest file dated at most this, YYYY-MM-DD")
    group.add_argument("--tiers", metavar="FILE", help="tiers to lay over: JSON of ccxt or freqtrade, or a table")
    group.add_argument(
        "--tier-bounds",
        choices=("quote", "settle", "contracts"),
        default="quote",
        help="what their floors and caps are written in (default: quote)",
    )


def add_tables(parser: argparse.ArgumentParser, *, history: bool = False, watched: bool = False) -> None:
    """Ask for the tables of a book and its prices."""
    group = parser.add_argument_group("tables")
    group.add_argument("--balances", metavar="FILE", required=not watched, help="cash by account and asset")
    group.add_argument("--positions", metavar="FILE", help="positions by account and instrument")
    group.add_argument("--orders", metavar="FILE", help="open orders")
    group.add_argument("--accounts", metavar="FILE", help="fee profiles and tier coefficients of accounts")
    group.add_argument("--settings", metavar="FILE", help="leverage and margin mode by account and instrument")
    marks = group.add_mutually_exclusive_group(required=not watched)
    marks.add_argument("--marks", metavar="FILE", help="mark prices of what is held")
    if history:
        marks.add_argument("--history", metavar="FILE", help="mark prices at many moments: scores of each")
    group.add_argument("--last", metavar="FILE", help="last prices, for rules that look at them")
    group.add_argument("--index", metavar="FILE", help="prices of assets in the market's valuation asset")
    group.add_argument("--input-format", choices=FORMATS, help="of inputs whose name does not tell (default: --format)")
    group.add_argument(
        "--quantity-unit",
        choices=("contracts", "base"),
        default="contracts",
        help="what quantity counts, of positions and orders (default: contracts)",
    )
    group.add_argument(
        "--duplicates",
        choices=("raise", "merge"),
        default="raise",
        help="refuse a position that comes twice, or merge its rows (default: raise)",
    )
    group.add_argument(
        "--on-error",
        choices=("raise", "reject"),
        default="raise",
        help="refuse a book with malformed rows, or drop the accounts they are of (default: raise)",
    )
    if watched:
        parser.set_defaults(missing="raise", engine="fast")
    else:
        group.add_argument(
            "--missing",
            choices=("raise", "null"),
            default="raise",
            help="refuse a book that holds what has no price, or leave those pools unpriced (default: raise)",
        )


def add_work(parser: argparse.ArgumentParser, *, reference: bool = True) -> None:
    """Ask how the work is done."""
    group = parser.add_argument_group("work")
    if reference:
        group.add_argument(
            "--engine",
            choices=("fast", "reference"),
            default="fast",
            help="reference: exact fractions by the executable specification, slowly (default: fast)",
        )
    else:
        parser.set_defaults(engine="fast")
    group.add_argument("--threads", type=count, metavar="N", help="threads to work with")
    group.add_argument("--quiet", action="store_true", help="no progress and no summary")


def yes(text: str) -> bool:
    """Read yes or no."""
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"was {text!r}, expected yes or no")
    return text == "yes"


def leverage(text: str) -> float | dict[str, float]:
    """Read a leverage, or one by instrument."""
    try:
        if "=" not in text:
            return float(text)
        return {name: float(value) for name, _, value in (part.partition("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"was {text!r}, expected a number, or NAME=NUMBER with commas between"
        ) from None


def count(text: str) -> int:
    """Read a count, at least 1."""
    value = _integer(text.replace("_", "").replace(",", ""), text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"was {text}, expected at least 1")
    return value


def seed(text: str) -> int:
    """Read a seed, at least 0."""
    value = _integer(text, text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"was {text}, expected at least 0")
    return value


def _integer(digits: str, text: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise argparse.ArgumentTypeError(f"was {text!r}, expected an integer") from None
