#!/usr/bin/env python3
"""Write leverage tiers as ccxt and freqtrade keep them as the instruments and tier tables of a preset.

The input is a JSON object from ccxt symbol to a list of tiers (`minNotional`, `maxNotional`, `maintenanceMarginRate`,
`maxLeverage`); the output is TOML for the end of a preset file: perpetuals, largest last tier first. Standard library
only.

Example: ``python tools/tiers_to_toml.py leverage_tiers.json --min-cap 20_000_000 --exclude BTCST > tables.toml``
"""

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path

MAX_EXACT_INTEGER = 2**53


def number(value: float) -> str:
    """Write a number: integers with separators, others as the shortest decimal that rounds to them."""
    value = float(value)
    if value.is_integer() and abs(value) < MAX_EXACT_INTEGER:
        return f"{int(value):_}"
    return repr(value)


def column(name: str, values: list[float]) -> str:
    """Write one column on one line."""
    return f"{name} = [{', '.join(number(value) for value in values)}]"


def instrument(symbol: str, tiers: list[dict]) -> str:
    """Write one instrument with its table; `symbol` is ``BASE/QUOTE:SETTLE``."""
    pair, settle = symbol.split(":")
    base, quote = pair.split("/")
    tiers = sorted(tiers, key=lambda tier: tier["minNotional"])
    for below, above in pairwise(tiers):
        if below["maxNotional"] != above["minNotional"]:
            raise SystemExit(f"{symbol}: a gap between {below['maxNotional']} and {above['minNotional']}")
    lines = [
        "[[instrument]]",
        f'name = "{base}{quote}"',
        f'aliases = ["{symbol}"]',
        f'base = "{base}"',
        f'quote = "{quote}"',
        f'settle = "{settle}"',
        'payoff = "linear"',
        "contract_size = 1",
        "",
        f"[tiers.{base}{quote}]",
        'law = "marginal"',
        'bounds = "quote"',
        column("floor", [tier["minNotional"] for tier in tiers]),
        column("maintenance_rate", [tier["maintenanceMarginRate"] for tier in tiers]),
        column("max_leverage", [tier["maxLeverage"] for tier in tiers]),
        f"cap = {number(tiers[-1]['maxNotional'])}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the file named on the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON file of leverage tiers by ccxt symbol")
    parser.add_argument("--min-cap", type=float, default=0.0, help="smallest upper end of the last tier")
    parser.add_argument("--settle", nargs="*", default=["USDT", "USDC"], help="settlement assets to keep")
    parser.add_argument("--exclude", nargs="*", default=[], help="base assets to leave out")
    arguments = parser.parse_args()
    tables = json.loads(arguments.file.read_text(encoding="utf-8"))

    def cap(symbol: str) -> float:
        return max(tier["maxNotional"] for tier in tables[symbol])

    chosen = [
        symbol
        for symbol in tables
        if "-" not in symbol
        and symbol.split(":")[1] in arguments.settle
        and symbol.split("/")[0] not in arguments.exclude
        and cap(symbol) >= arguments.min_cap
    ]
    chosen.sort(key=lambda symbol: (-cap(symbol), symbol))
    sys.stdout.write("\n".join(instrument(symbol, tables[symbol]) for symbol in chosen))


if __name__ == "__main__":
    main()
