"""A ladder as SVG and as a page: plain text, the same for the same numbers."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crossmargin.report.ladder import Ladder

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 24, 64, 52
_TICKS_X, _TICKS_Y = 8, 5
_FARTHEST = 2.0
"""Prices over so many times the present one are counted, not drawn."""
_ROOM = 1.05
_COLOURS = {"below": "#c0392b", "above": "#2471a3"}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#555}.title{font-size:16px;font-weight:600}"
    ".grid{stroke:#8884;stroke-width:1}.now{stroke:#555;stroke-dasharray:4 3}"
)
_PAGE_STYLE = (
    "body{font:15px system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}svg{max-width:100%;height:auto}"
    "table{border-collapse:collapse}th,td{padding:.2em 1em;text-align:right}th{border-bottom:1px solid #888}"
)


class _Scale:
    """Where numbers lie on the picture."""

    def __init__(self, ladder: Ladder) -> None:
        below, above = (ladder.side(side)["price"] for side in ("below", "above"))
        price = ladder.price
        reached = [*below[-1:].tolist(), *above[above <= _FARTHEST * price][-1:].tolist()]
        low, high = min([*reached, 0.9 * price]), max([*reached, 1.1 * price])
        self.low: float = max(0.0, price - _ROOM * (price - low))
        self.high: float = price + _ROOM * (high - price)
        tops = [float(ladder.side(side)["cumulative"][-1:].sum()) for side in ("below", "above")]
        self.top: float = max([*tops, 0.0]) * _ROOM or 1.0

    def x(self, price: float) -> float:
        return _LEFT + (price - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, notional: float) -> float:
        return _HEIGHT - _BOTTOM - notional / self.top * (_HEIGHT - _TOP - _BOTTOM)


def drawn(ladder: Ladder) -> str:
    """Draw a ladder as an SVG document."""
    scale = _Scale(ladder)
    name, now = escape(ladder.underlying), _short(ladder.price)
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
            f' width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="Liquidation ladder of {name}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="24">Liquidated notional against the price of {name}</text>',
        f'<text x="{_LEFT}" y="44">{escape(_subtitle(ladder))}</text>',
        *_axes(scale, ladder.valuation, name),
    ]
    lines += [_curve(scale, ladder, side) for side in ("below", "above")]
    at = _places(scale.x(ladder.price))
    lines += [
        f'<line class="now" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>',
        f'<text x="{at}" y="{_TOP - 4}" text-anchor="middle">now {now}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def page(ladder: Ladder) -> str:
    """Lay a ladder out as an HTML document."""
    title = f"Liquidation ladder of {escape(ladder.underlying)}"
    rows = [
        f"<tr><td>{row['move']:+.0%}</td><td>{_short(row['price'])}</td><td>{row['n_pools']:,}</td>"
        f"<td>{_short(row['notional'])}</td></tr>"
        for row in ladder.at().rows()
    ]
    head = f"<tr><th>move</th><th>price</th><th>pools</th><th>notional, {escape(ladder.valuation)}</th></tr>"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{title}</title><style>{_PAGE_STYLE}</style></head><body>",
            drawn(ladder).rstrip(),
            f"<table>{head}",
            *rows,
            "</table>",
            (
                f"<p>Rules: {escape(ladder.market_id)}. Pools are counted with all they hold, at present marks; what "
                "liquidations do to prices is not in it.</p>"
            ),
            "</body></html>",
            "",
        ]
    )


def _subtitle(ladder: Ladder) -> str:
    below, above = (ladder.side(side) for side in ("below", "above"))
    down, up = (_short(float(steps["cumulative"][-1:].sum())) for steps in (below, above))
    parts = [f"{_count(len(below), 'pool')} below ({down}), {len(above):,} above ({up}), in {ladder.valuation}"]
    if ladder.n_liquidatable:
        parts.append(f"{_count(ladder.n_liquidatable, 'pool')} now ({_short(ladder.liquidatable_notional)}), not drawn")
    far = int((above["price"] > _FARTHEST * ladder.price).sum())
    if far:
        parts.append(f"{far:,} of those above beyond {_FARTHEST:g} times the price, not drawn")
    return "; ".join(parts)


def _axes(scale: _Scale, valuation: str, name: str) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value in _ticks(0.0, scale.top, _TICKS_Y):
        y = _places(scale.y(value))
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 8}" y="{_places(scale.y(value) + 4)}" text-anchor="end">{_short(value)}</text>'
    for value in _ticks(scale.low, scale.high, _TICKS_X):
        x = _places(scale.x(value))
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 5}"/>'
        yield f'<text x="{x}" y="{bottom + 20}" text-anchor="middle">{_short(value)}</text>'
    yield f'<text x="{right}" y="{bottom + 40}" text-anchor="end">price of {name}</text>'
    yield f'<text x="{_LEFT}" y="{bottom + 40}">notional in {escape(valuation)}</text>'


def _curve(scale: _Scale, ladder: Ladder, side: str) -> str:
    """Draw one side as steps, at most one for each column of the picture."""
    steps = ladder.side(side)
    prices, cumulative = steps["price"], steps["cumulative"]
    drawn_ones = prices <= scale.high
    prices, cumulative = prices[drawn_ones], cumulative[drawn_ones]
    kept = _apart(scale, prices)
    path = [f"M{_places(scale.x(ladder.price))} {_places(scale.y(0.0))}"]
    for price, total in zip(prices[kept].tolist(), cumulative[kept].tolist(), strict=True):
        path.append(f"H{_places(scale.x(price))}V{_places(scale.y(total))}")
    end = scale.low if side == "below" else scale.high
    path.append(f"H{_places(scale.x(end))}V{_places(scale.y(0.0))}Z")
    colour = _COLOURS[side]
    return f'<path d="{"".join(path)}" fill="{colour}" fill-opacity="0.25" stroke="{colour}" stroke-width="1.5"/>'


def _apart(scale: _Scale, prices: NDArray[Any]) -> NDArray[np.bool_]:
    """Choose the last step of each column of the picture."""
    columns = np.floor((prices - scale.low) / (scale.high - scale.low) * (_WIDTH - _LEFT - _RIGHT))
    return np.append(columns[1:] != columns[:-1], True) if len(prices) else np.zeros(0, dtype=np.bool_)


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Give round numbers between two, about as many as asked for.

    Examples
    --------
    >>> _ticks(0.0, 930.0, 5)
    [0.0, 200.0, 400.0, 600.0, 800.0]
    """
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
    first = math.ceil(low / step)
    return [count * step for count in range(first, math.floor(high / step) + 1)]


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _places(value: float) -> str:
    return f"{value:.1f}"


def _short(value: float) -> str:
    """Write a number in few letters.

    Examples
    --------
    >>> _short(1234.5), _short(2_500_000.0), _short(0.0)
    ('1,234.5', '2.5M', '0')
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:,.4g}{letter}"
    return f"{value:,.6g}"
