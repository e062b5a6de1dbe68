"""Draw docs/pictures/regions.svg: the boxes that one watched pool is given along a path of two prices.

``python tools/draw_regions.py`` writes the picture again. The tests hold that what is committed is what comes out.
"""

from pathlib import Path

import numpy as np

import crossmargin as xm

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "regions.svg"

LEVELS = (2.0,)
BTC, ETH = (54_600.0, 61_400.0), (2_420.0, 2_860.0)
"""What is drawn of the prices."""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 470, 70, 20, 64, 46
FLAGS, BOX, PATH, INK, PALE = "#c2410c", "#3b7a9e", "#555", "#222", "#888"
FRAMES = 300


def watched() -> xm.Monitor:
    """Watch one pool, long half a bitcoin and short five ether."""
    market = xm.load_market("textbook")
    book = xm.Book(
        market,
        balances={"account": [1], "asset": ["USDT"], "wallet_balance": [6_000.0]},
        positions={
            "account": [1, 1],
            "instrument": ["BTCUSDT", "ETHUSDT"],
            "quantity": [0.5, -5.0],
            "entry_price": [60_000.0, 2_500.0],
        },
    )
    prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_500.0})
    return xm.Monitor(book, prices, xm.Alerts(levels=LEVELS, soft_stop=None))


def path() -> list[tuple[float, float]]:
    """Draw a path on which bitcoin falls and ether rises."""
    draw = np.random.default_rng(8)
    steps = draw.normal((-0.00025, 0.00036), (0.0011, 0.0013), (FRAMES, 2))
    moved = np.exp(np.cumsum(steps, axis=0)) * (60_000.0, 2_500.0)
    return [(float(btc), float(eth)) for btc, eth in moved]


def x(price: float) -> float:
    """Say where a price of bitcoin is, within the picture."""
    share = (min(max(price, BTC[0]), BTC[1]) - BTC[0]) / (BTC[1] - BTC[0])
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def y(price: float) -> float:
    """Say where a price of ether is, within the picture."""
    share = (min(max(price, ETH[0]), ETH[1]) - ETH[0]) / (ETH[1] - ETH[0])
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def text(left: float, top: float, words: str, *, size: int = 12, **style: str) -> str:
    """Write a line of text, from its beginning and in ink unless told."""
    fill, anchor = style.get("colour", INK), style.get("anchor", "start")
    return f'<text x="{left:g}" y="{top:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{words}</text>'


def flags(monitor: xm.Monitor) -> list[str]:
    """Draw where flags change: lines, since the requirement of these rules does not depend on prices."""
    required = float(xm.score(monitor.book, monitor.prices, "maintenance_margin").maintenance_margin[0])
    drawn = []
    for level, name in [*((level, f"ratio {level:g}") for level in LEVELS), (1.0, "liquidation")]:
        # 6,000 + 0.5 (btc - 60,000) - 5 (eth - 2,500) = level * required
        ends = []
        for eth in ETH:
            btc = 60_000.0 + (level * required - 6_000.0 + 5.0 * (eth - 2_500.0)) / 0.5
            ends.append((btc, eth))
        (low_btc, low_eth), (high_btc, high_eth) = ends
        slope = (high_eth - low_eth) / (high_btc - low_btc)
        inside = [(btc, low_eth + slope * (btc - low_btc)) for btc in (max(low_btc, BTC[0]), min(high_btc, BTC[1]))]
        (from_btc, from_eth), (to_btc, to_eth) = inside
        if from_btc >= to_btc:
            continue  # it is beyond the picture
        drawn.append(
            f'<path d="M{x(from_btc)} {y(from_eth)}L{x(to_btc)} {y(to_eth)}" stroke="{FLAGS}" stroke-width="2"/>'
        )
        drawn.append(text(x(to_btc) - 6, y(to_eth) + 14, name, colour=FLAGS, anchor="end"))
    return drawn


def axes() -> list[str]:
    """Draw the frame, and a few prices along it."""
    foot, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    size = f'width="{right - LEFT}" height="{foot - TOP}"'
    return [
        f'<rect x="{LEFT}" y="{TOP}" {size} fill="none" stroke="{PALE}"/>',
        *(text(x(price), foot + 18, f"{price:,}", anchor="middle") for price in range(55_000, 62_000, 1_000)),
        *(text(LEFT - 8, y(price) + 4, f"{price:,}", anchor="end") for price in range(2_500, 2_900, 100)),
        text(right, HEIGHT - 8, "price of BTC", anchor="end"),
        text(LEFT, TOP - 8, "price of ETH"),
    ]


def box(why: xm.Why) -> str:
    """Draw a box, as far as the picture goes."""
    (left, low), (right, high) = ((float(value) for value in why[side]) for side in ("low", "high"))
    sides = f'width="{x(right) - x(left):g}" height="{y(low) - y(high):g}"'
    return f'<rect x="{x(left)}" y="{y(high)}" {sides} fill="{BOX}" fill-opacity="0.08" stroke="{BOX}"/>'


def picture() -> str:
    """Draw the whole picture as SVG."""
    monitor, marks = watched(), path()
    lines, boxes, dots, touches = flags(monitor), [box(monitor.why())], [], 0
    for btc, eth in marks:
        monitor.update({"BTCUSDT": btc, "ETHUSDT": eth})
        seen, touches = touches, monitor.stats().touches
        if touches > seen:
            dots.append(f'<circle cx="{x(btc)}" cy="{y(eth)}" r="3.5" fill="{BOX}"/>')
            why = monitor.why()
            boxes += [] if why.followed else [box(why)]
    line = "L".join(f"{x(btc)} {y(eth)}" for btc, eth in [(60_000.0, 2_500.0), *marks])
    title = f"One pool along {FRAMES} frames of two prices: looked at in {len(dots)} of them"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 26, title, size=15),
        *axes(),
        *boxes,
        f'<path d="M{line}" fill="none" stroke="{PATH}" stroke-width="0.8"/>',
        *lines,
        *dots,
        "</svg>",
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE)
