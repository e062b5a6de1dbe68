"""Draw docs/pictures/ladder.svg: how much of a seeded book fails as bitcoin moves.

``python tools/draw_ladder.py`` writes the picture again. The tests hold that what is committed is what comes out.
"""

from pathlib import Path

import crossmargin as xm
from crossmargin.testing import retail_book

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "ladder.svg"


def picture() -> str:
    """Return the ladder of bitcoin of 4,000 seeded retail accounts."""
    market = xm.load_market("binance-usdm", as_of="2024-10-01")
    drawn = retail_book(market.to_toml(), 4_000, seed=7)
    book = xm.Book(market, balances=drawn.balances, positions=drawn.positions)
    return xm.report.ladder(book, market.prices(mark=drawn.marks, index={"USDT": 1.0, "USDC": 1.0}), "BTC").svg()


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE)
