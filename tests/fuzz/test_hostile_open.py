"""Arguments that were once refused by an error of Python: each is refused by one of ours."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from fuzz.junk import MARKET, answered_or_refused
from fuzz.test_hostile_accounts import trader
from fuzz.test_hostile_books import BOOK, HISTORY, PRICES

HUGE = 10**400
ARRAY = np.zeros(2)


OPEN: dict[str, Callable[[], Any]] = {
    "amount beyond doubles": lambda: trader().deposit("USDT", HUGE),
    "leverage beyond doubles": lambda: trader().set_leverage("BTCUSDT", HUGE),
    "signalling NaN as the number of an order": lambda: trader().cancel(Decimal("sNaN")),  # type: ignore[arg-type]
    "array as a word of an account": lambda: trader().position("BTCUSDT", ARRAY),  # type: ignore[arg-type]
    "flag as balances": lambda: xm.Account(MARKET, True),  # type: ignore[arg-type]
    "array as an account": lambda: xm.explain(BOOK, PRICES, np.zeros(3)),  # type: ignore[arg-type]
    "none as a word": lambda: xm.score(BOOK, PRICES, missing=None),  # type: ignore[arg-type]
    "half of a character": lambda: MARKET.with_tiers({}, "\ud800"),
    "tick below all doubles but one": lambda: MARKET.round_price("BTCUSDT", 1.0, tick=5e-324),
    "row beyond machine integers": lambda: HISTORY[2**70],
    "flag as progress": lambda: xm.score_history(BOOK, HISTORY, progress=True).collect(),  # type: ignore[arg-type]
    "table of unequal columns": lambda: repr(xm.Table({"a": [1, 2], "b": [1]})),
    "table of nothing": lambda: xm.Table(None),  # type: ignore[arg-type]
    "set as times": lambda: MARKET.price_history({"BTCUSDT": [1.0], "time": set()}),
    "path with a zero byte": lambda: xm.Market.from_toml("a\0"),
    "nested column of nothing": lambda: xm.Book.from_nested(MARKET, {"account": None}),
}


@pytest.mark.parametrize("what", OPEN)
def test_argument_of_a_wrong_kind_is_refused_by_an_error_of_ours(what: str) -> None:
    with answered_or_refused():
        OPEN[what]()
