"""How large a position may be: each limit by its formula, which binds, rows that spread, and what is refused."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import crossmargin as xm

Refused = Callable[..., str]

RULES = """
extends = "textbook/2020-01-01"
preset = "sized"
as_of = 2024-10-01
[fees]
taker = 0.0005
maker = 0.0002
[fees.profile.vip]
taker = 0.0001
maker = 0
[[instrument]]
name = "BTCUSDT"
tiers = "BTCUSDT"
lot = 0.001
[tiers.BTCUSDT]
law = "marginal"
bounds = "quote"
cap = 600000
floor = [0, 120000]
maintenance_rate = [0.01, 0.02]
max_leverage = [50, 20]
"""


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.Market.from_toml(RULES)


ASKED = {"equity": 10_000.0, "max_loss": 0.01, "entry_price": 60_000.0, "stop_price": 58_800.0}


def lots(size: Fraction) -> float:
    """Round a size down to lots of 0.001."""
    return float(Fraction(size // Fraction("0.001")) * Fraction("0.001"))


def test_size_by_loss_counts_slippage_and_the_fees_of_both_ways(market: xm.Market) -> None:
    for fee, exit_fee, rates in ((None, None, ("0.0005", "0.0005")), ("maker", "taker", ("0.0002", "0.0005"))):
        sized = xm.size_position(market, "BTCUSDT", "buy", **ASKED, slippage=0.001, fee=fee, exit_fee=exit_fee)
        entry, stop = 60_000 * Fraction("1.001"), 58_800 * Fraction("0.999")
        loss = entry - stop + Fraction(rates[0]) * entry + Fraction(rates[1]) * stop
        assert sized.quantity.tolist() == [lots(100 / loss)]
        assert sized.binding.tolist() == ["loss"]
        assert sized.loss[0] == pytest.approx(float(Fraction(sized.quantity[0]) * loss), rel=1e-12)
        assert sized.risk_share[0] == pytest.approx(sized.loss[0] / 10_000.0, rel=1e-12)
        assert sized.loss[0] <= 100.0 < sized.loss[0] + 0.001 * float(loss)


def test_size_of_a_short_is_negative_and_stops_above(market: xm.Market) -> None:
    sized = xm.size_position(market, "BTCUSDT", "sell", **ASKED | {"stop_price": 61_200.0}, fee="none")
    assert sized.quantity.tolist() == [-lots(Fraction(100, 1_200))]


def test_size_by_an_amount_is_that_of_the_fraction(market: xm.Market) -> None:
    by_amount = xm.size_position(
        market, "BTCUSDT", "buy", equity=10_000.0, max_loss_amount=100.0, entry_price=60_000.0, stop_price=58_800.0
    )
    assert by_amount.table == xm.size_position(market, "BTCUSDT", "buy", **ASKED).table


def test_size_by_maintenance_is_its_share_of_the_equity(market: xm.Market) -> None:
    # 2 % of 10,000 is 200: 1 % of 20,000 of notional
    sized = xm.size_position(market, "BTCUSDT", "buy", equity=10_000.0, entry_price=60_000.0)
    assert (sized.quantity.tolist(), sized.binding.tolist()) == ([0.333], ["maintenance"])
    assert sized["by_maintenance"].tolist() == [0.333]
    assert sized.maintenance_margin[0] == pytest.approx(0.333 * 600, rel=1e-12)
    assert sized.leverage_used[0] == pytest.approx(0.333 * 60_000 / 10_000, rel=1e-12)


def test_size_by_leverage_and_by_cap_are_those_of_the_tiers(market: xm.Market) -> None:
    # 30x holds up to 120,000, 10x up to the end at 600,000
    sized = xm.size_position(
        market,
        "BTCUSDT",
        "buy",
        equity=1e9,
        entry_price=60_000.0,
        leverage=[30.0, 10.0],
        maintenance_share=None,
    )
    assert sized.binding.tolist() == ["leverage", "cap"]
    assert sized.quantity[1] == 10.0
    assert sized.quantity[0] == pytest.approx(2.0, abs=0.0011)
    assert sized.initial_margin.tolist() == pytest.approx([sized.quantity[0] * 2_000, 60_000.0], rel=1e-12)


def test_size_with_a_book_is_within_its_margin(market: xm.Market) -> None:
    book = xm.Book(market, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 1_000.0}])
    prices = market.prices(mark={"BTCUSDT": 60_000.0})
    options = {"entry_price": 60_000.0, "leverage": 10.0, "maintenance_share": None, "book": book, "prices": prices}
    sized = xm.size_position(market, "BTCUSDT", "buy", **options)
    largest = xm.max_order(book, prices, "BTCUSDT", "buy", 60_000.0, leverage=10.0)
    assert (sized.quantity.tolist(), sized.binding.tolist()) == (largest.quantity.tolist(), ["margin"])
    assert sized["account"].tolist() == [1]
    # 1 % of the account's 1,000 at a distance of 1,200
    sized = xm.size_position(market, "BTCUSDT", "buy", **options, max_loss=0.01, stop_price=58_800.0, fee="none")
    assert (sized.quantity.tolist(), sized.binding.tolist()) == ([0.008], ["loss"])


@pytest.mark.parametrize("says", [True, False])
def test_size_with_a_book_in_hedge_mode_is_of_the_leg_that_it_opens(*, says: bool) -> None:
    # 1,000 with legs of 0.02 and 0.03 at 60,000 and leverage 10, 300 of initial margin: 700 for more
    usdm = xm.load_market("binance-usdm", as_of="2024-10-01")
    leg = {"account": 1, "instrument": "BTCUSDT", "entry_price": 60_000.0, "leverage": 10.0}
    legs = [leg | {"position_side": side, "quantity": size} for side, size in (("long", 0.02), ("short", -0.03))]
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 1_000.0}]
    accounts = [{"account": 1, "position_mode": "hedge"}] if says else None
    book, prices = (
        xm.Book(usdm, balances=cash, positions=legs, accounts=accounts),
        usdm.prices(mark={"BTCUSDT": 60_000.0}),
    )
    options = {"entry_price": 60_000.0, "leverage": 10.0, "maintenance_share": None, "book": book, "prices": prices}
    for side, position_side in (("buy", "long"), ("sell", "short")):
        sized = xm.size_position(usdm, "BTCUSDT", side, **options)
        largest = xm.max_order(book, prices, "BTCUSDT", side, 60_000.0, leverage=10.0, position_side=position_side)
        assert sized.quantity.tolist() == largest.quantity.tolist()
        assert (abs(sized.quantity[0]), sized.binding[0]) == (0.11666666, "margin")


def test_size_rows_spread_over_single_values(market: xm.Market) -> None:
    stops = [58_800.0, 61_200.0, 59_400.0]
    sized = xm.size_position(market, "BTCUSDT", ["buy", "sell", "buy"], **ASKED | {"stop_price": stops})
    assert (len(sized), sized["side"].tolist()) == (3, ["buy", "sell", "buy"])
    for row, side in enumerate(("buy", "sell", "buy")):
        alone = xm.size_position(market, "BTCUSDT", side, **ASKED | {"stop_price": stops[row]})
        assert [alone[name][0] for name in alone.columns] == pytest.approx(
            [sized[name][row] for name in sized.columns], nan_ok=True
        )
    assert repr(sized).startswith("Sizing(3 positions, market 'sized/2024-10-01')")


def test_size_by_profile_and_coefficient_is_that_of_the_account(market: xm.Market) -> None:
    sized = xm.size_position(market, "BTCUSDT", "buy", **ASKED, profile="vip")
    loss = 1_200 + Fraction("0.0001") * (60_000 + 58_800)
    assert sized.quantity.tolist() == [lots(100 / loss)]
    far = {"equity": 1e9, "entry_price": 60_000.0, "leverage": 10.0, "maintenance_share": None}
    assert xm.size_position(market, "BTCUSDT", "buy", **far, tier_coefficient=2.0).quantity.tolist() == [20.0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"market": None}, "market was of type NoneType, expected a Market"),
        ({"instrument": "nothing"}, 'instrument[0] was "nothing", which this market does not have'),
        ({"side": "long"}, "side was 'long', expected 'buy' or 'sell'"),
        ({"side": ["buy", "up"]}, "side[1] was 'up', expected 'buy' or 'sell'"),
        ({"max_loss_amount": 5.0}, "max_loss was given with max_loss_amount: give one of the two"),
        ({"max_loss": None}, "max_loss was not given, and stop_price was: say how much the stop may lose"),
        ({"entry_price": "high"}, "entry_price was 'high', expected numbers"),
        ({"stop_price": 61_000.0}, "stop_price"),
        ({"equity": None}, "equity"),
        ({"equity": [1.0, 2.0], "max_loss": [0.1, 0.2, 0.3]}, "arguments were of shapes {"),
        ({"equity": [[1.0]]}, "arguments were of 2 dimensions, expected columns: one dimension"),
        ({"fee": "half"}, "fee was 'half', expected 'taker', 'maker', 'none', or None"),
        ({"exit_fee": 1}, "exit_fee was 1, expected 'taker', 'maker', 'none', or None"),
        ({"profile": "rich"}, 'profile was "rich", which this market does not have'),
        ({"tier_coefficient": 0.0}, "tier_coefficient was 0.0, expected a positive number"),
        ({"margin_mode": "both"}, "margin_mode was 'both', expected 'cross', 'isolated', or None"),
        ({"accounts": [1]}, "accounts was given without a book: give book= and prices="),
        ({"book": 1}, "book was of type int, expected Book: with a book go its prices"),
        ({"slippage": -0.1}, "slippage"),
    ],
)
def test_size_of_a_wrong_argument_is_refused_by_name(
    said: dict[str, Any], message: str, market: xm.Market, refused: Refused
) -> None:
    given = {"market": market, "instrument": "BTCUSDT", "side": "buy"} | ASKED | said
    assert refused(xm.ArgumentError, lambda: xm.size_position(**given)).startswith(message)


def test_size_of_accounts_that_are_not_said_is_refused(market: xm.Market, usdm: xm.Market, refused: Refused) -> None:
    cash = {"account": [1, 2], "asset": ["USDT"] * 2, "wallet_balance": [1_000.0] * 2}
    given = {"prices": market.prices(mark={}), "entry_price": 60_000.0}
    message = refused(
        xm.ArgumentError, xm.size_position, market, "BTCUSDT", "buy", book=xm.Book(market, balances=cash), **given
    )
    assert message == "accounts was not given, and the book has 2: say whose each row is"
    other = xm.Book(usdm, balances=cash)
    message = refused(xm.ArgumentError, xm.size_position, market, "BTCUSDT", "buy", book=other, **given)
    assert message.startswith("book was of market 'binance-usdm/2024-10-01', the sizes are of 'sized/")


def test_account_sizes_on_top_of_what_it_holds(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": 10_000})
    account.mark({"BTCUSDT": 60_000})
    sized = account.size_position("BTCUSDT", "buy", max_loss=0.01, stop_price=58_800.0, fee="none", leverage=20)
    assert sized.quantity.tolist() == [lots(Fraction(100, 1_200))]
