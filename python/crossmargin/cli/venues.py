"""``crossmargin venues``: the presets, what one of them says, and whether a market file of your own is one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crossmargin as xm
from crossmargin.cli import presets
from crossmargin.cli.errors import UserError
from crossmargin.cli.terminal import plural

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_SHORT, _LONG = 18, 34


def run(args: argparse.Namespace) -> None:
    """List, show or check."""
    if args.what == "list":
        presets.run(args)
        return
    if args.what == "check":
        lines = summary(read_market(args.file))
    else:
        lines = _page(xm.load_market(args.name, as_of=args.as_of))
    for line in lines:
        print(line)


def read_market(file: str) -> xm.Market:
    """Read a market file.

    Parameters
    ----------
    file : str
        Its path.

    Returns
    -------
    Market
        What it states.

    Raises
    ------
    UserError
        For a file that cannot be read or is not text. What is no market raises `MarketError`.
    """
    try:
        return xm.Market.from_toml(Path(file))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"market could not be read from {file}: {reason}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"market in {file} was not UTF-8 text: {error.reason}") from None


def summary(market: xm.Market) -> Iterator[str]:
    """Say what a market holds, how many sources it names, and which rules no source states.

    Parameters
    ----------
    market : Market
        Of which.

    Yields
    ------
    str
        Lines of a label and what it is.
    """
    yield _line("id", market.id)
    if market.title is not None:
        yield _line("title", market.title)
    assets = market.assets["asset"].tolist()
    yield _line("assets", _listed(assets))
    instruments = market.instruments
    payoffs = Counter(instruments["payoff"].tolist())
    kinds = ", ".join(f"{count:,} {payoff}" for payoff, count in payoffs.items())
    yield _line("instruments", f"{len(instruments):,} ({kinds})" if kinds else "0")
    laws = Counter(str(market.tiers(name)["law"][0]) for name in instruments["instrument"])
    if laws:
        yield _line("tier tables", ", ".join(f"{count:,} {law}" for law, count in laws.items()))
    sources = market.sources
    yield _line("sources", f"{len(sources):,}")
    for evidence, label in (("inferred", "inferred"), ("secondary", "from restatements"), ("chosen", "chosen here")):
        rules = sources["rule"][sources["evidence"] == evidence].tolist() if len(sources) > 0 else []
        yield _line(label, _listed(rules))


def _page(market: xm.Market) -> Iterator[str]:
    """Show a preset: what it holds, its rules, and where they come from."""
    yield from summary(market)
    yield ""
    for name, value in market.rules.items():
        if isinstance(value, list):
            for at, each in enumerate(value):
                parts = ", ".join(f"{key} {_word(what)}" for key, what in each.items())
                yield _line(name if at == 0 else "", parts, _LONG)
        elif value is not None:
            yield _line(name, _word(value), _LONG)
    for source in market.sources.rows():
        yield ""
        yield _line(source["rule"], f"{source['evidence']}: {source['text']}")
        read = "" if source["retrieved"] is None else f", read {source['retrieved']}"
        if source["url"] is not None:
            yield _line("", source["url"] + read)
        if source["note"] is not None:
            yield _line("", source["note"])
    yield ""
    yield presets.NOTICE


def _line(label: str, text: str, width: int = _SHORT) -> str:
    return f"{label:<{width}} {text}".rstrip()


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(names: list[str]) -> str:
    """Name the first few, and count the rest."""
    shown = 12
    if not names:
        return "none"
    more = f" and {plural(len(names) - shown, 'other')}" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
