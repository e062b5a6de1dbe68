"""Draw docs/pictures/pools.svg: the pools of one account under three choices of margin mode, at two prices.

The figures are those of the library; ``python tools/draw_pools.py`` writes the picture again. The tests hold that what
is committed is what comes out.
"""

from pathlib import Path

import crossmargin as xm

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "pools.svg"

MODES = {"both isolated": ("isolated", "isolated"), "mixed": ("isolated", "cross"), "both cross": ("cross", "cross")}
MARKS = {"BTC -5 %": 47_500, "BTC -9 %": 45_500}

LEFT, TOP, COLUMN, ROW, SCALE = 92, 54, 214, 172, 0.012
"""Where the first panel begins, how far apart they are, and the height of one USDT, in units of the picture."""

BAR, GAP = 54, 10
FAILS, HOLDS, INK, PALE = "#c2410c", "#3b7a9e", "#222", "#888"


def account(btc: str, eth: str) -> xm.Account:
    """Make the account of the page: 12,000, long 2 BTC, short 20 ETH, with 5,000 behind what is isolated."""
    made = xm.Account(xm.load_market("textbook"), {"USDT": 12_000})
    for instrument, quantity, entry, mode in (("BTCUSDT", 2, 50_000, btc), ("ETHUSDT", -20, 3_000, eth)):
        fence = {"isolated_margin": 5_000} if mode == "isolated" else {}
        made.open(instrument, quantity, entry_price=entry, leverage=20, margin_mode=mode, **fence)
    return made


def text(x: float, y: float, words: str, *, size: int = 12, **style: str) -> str:
    """Write a line of text, in the middle and in ink unless told."""
    fill, anchor = style.get("colour", INK), style.get("anchor", "middle")
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{words}</text>'


def bar(x: float, base: float, pool: xm.account.views.Pool, holds: str) -> list[str]:
    """Draw a pool: its equity as a bar, what must be there as a line, its verdict above."""
    colour = FAILS if pool.liquidatable else HOLDS
    height, needed = pool.equity * SCALE, pool.maintenance_margin * SCALE
    top, tall = base - max(height, 0), max(abs(height), 1)
    drawn = [f'<rect x="{x:g}" y="{top:g}" width="{BAR}" height="{tall:g}" fill="{colour}"/>']
    if needed:
        drawn.append(
            f'<path d="M{x - 4:g} {base - needed:g}h{BAR + 8}" stroke="{INK}" stroke-width="2" stroke-dasharray="5 3"/>'
        )
    top = base - max(height, needed, 0)
    drawn.append(text(x + BAR / 2, top - 6, f"{pool.equity:,.0f}", colour=colour))
    if pool.liquidatable:
        drawn.append(text(x + BAR / 2, top - 20, "fails", colour=colour))
    drawn.append(text(x + BAR / 2, base + max(-height, 0) + 16, holds, size=11))
    return drawn


def panel(x: float, base: float, made: xm.Account) -> list[str]:
    """Draw the pools of an account at its present prices, side by side."""
    crossed = [position.instrument[:3] for position in made.positions if position.margin_mode == "cross"]
    drawn = [f'<path d="M{x - 8:g} {base:g}h{len(made.pools) * (BAR + GAP) + 6}" stroke="{PALE}"/>']
    for place, pool in enumerate(made.pools):
        holds = "cash, " + " + ".join(crossed) if crossed else "cash"
        drawn += bar(x + place * (BAR + GAP), base, pool, pool.instrument[:3] if pool.instrument else holds)
    return drawn


def picture() -> str:
    """Draw the whole picture as SVG."""
    width, height = LEFT + 3 * COLUMN, TOP + 2 * ROW + 58
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
        "<title>Pools of one account under three choices of margin mode</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for column, (name, modes) in enumerate(MODES.items()):
        x = LEFT + column * COLUMN
        drawn.append(text(x, 26, name, size=15, anchor="start"))
        for row, (moved, mark) in enumerate(MARKS.items()):
            base = TOP + row * ROW + 110
            made = account(*modes)
            made.mark({"BTCUSDT": mark, "ETHUSDT": 3_000})
            if not column:
                drawn.append(text(14, base - 40, moved, size=13, anchor="start"))
            drawn += panel(x, base, made)
    foot = height - 14
    drawn.append(f'<rect x="14" y="{foot - 10}" width="14" height="11" fill="{HOLDS}"/>')
    drawn.append(text(34, foot, "equity of a pool, in USDT", anchor="start"))
    drawn.append(f'<rect x="204" y="{foot - 10}" width="14" height="11" fill="{FAILS}"/>')
    drawn.append(text(224, foot, "of a pool that fails", anchor="start"))
    drawn.append(f'<path d="M360 {foot - 4}h30" stroke="{INK}" stroke-width="2" stroke-dasharray="5 3"/>')
    drawn.append(text(396, foot, "maintenance margin: what must be there", anchor="start"))
    return "\n".join([*drawn, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE)
