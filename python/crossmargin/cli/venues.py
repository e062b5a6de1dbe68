"""``crossmargin venues``: the presets, what one says, whether a file of your own is one, what two say differently."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crossmargin as xm
from crossmargin.cli import presets
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.terminal import plural

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_SHORT, _LONG = 18, 34
_DATED = re.compile(r"(?P<name>.+?)[^0-9A-Za-z]+(?P<day>\d{4}-\d{2}-\d{2})")


def run(args: argparse.Namespace) -> None:
    """List, show, check or compare."""
    if args.what == "list":
        presets.run(args)
        return
    if args.what == "diff":
        from crossmargin.cli import differences  # noqa: PLC0415 - which reads markets by what is here

        differences.run(args)
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
        return xm.Market.from_toml(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"market could not be read from {file}: {reason}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"market in {file} was not UTF-8 text: {error.reason}") from None


def market_of(text: str, as_of: str | None = None) -> xm.Market:
    """Load the rules that an argument names: a preset, a preset of a date, or a market file.

    Parameters
    ----------
    text : str
        ``NAME``, ``NAME/DATE`` (as ids of markets are written), or the path of a market file: what is a file, or ends
        in ``.toml``.
    as_of : str, optional
        The preset's newest file dated at most this.

    Returns
    -------
    Market
        The rules.

    Raises
    ------
    UsageError
        For a date beside rules that have theirs.
    UserError
        As of `read_market`, and for a date that is joined to its name by anything but a slash. Names and dates that
        are not shipped raise `MarketError`.

    Examples
    --------
    >>> market_of("mexc-usdm/2025-12-31").id
    'mexc-usdm/2025-10-01'
    """
    is_file = text.endswith(".toml") or Path(text).is_file()
    name, _, day = ("", "", "") if is_file else text.partition("/")
    dated = _DATED.fullmatch(name)
    if dated is not None and dated["name"] in xm.presets()["preset"]:
        as_id = f"{dated['name']}/{dated['day']}"
        raise UserError(f"rules were {text!r}, expected a preset, NAME/DATE as in {as_id}, or a market file")
    if as_of is not None and (is_file or day):
        raise UsageError(f"--as-of chooses among the files of a preset, and {text} is one of them; leave it out")
    return read_market(text) if is_file else xm.load_market(name, as_of=day or as_of)


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
