"""OKX's replies: contracts, sides, cash beside equity, isolated margin in or beside the cash, tiers."""

from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import okx


def position(**more: Any) -> dict[str, Any]:
    row = {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "mgnMode": "cross", "posSide": "net", "pos": "-3"}
    return {**row, "avgPx": "60000", "markPx": "59000", "lever": "5", "ccy": "USDT", "liqPx": "", "margin": "", **more}


def balance(**more: Any) -> dict[str, Any]:
    return {"data": [{"totalEq": "1", "details": [{"ccy": "USDT", "cashBal": "1000", "eq": "1030", **more}]}]}


def test_okx_wallet_is_cash_and_not_equity() -> None:
    made = okx.account(balance(upl="30"), {"data": [position()]})
    assert made.balances["wallet_balance"].tolist() == [1000.0]


def test_okx_profit_of_a_currency_is_reported_where_no_position_is_isolated() -> None:
    """Whether it has that of isolated positions in it, replies differ in."""
    for row, told in ((position(), [30.0]), (position(mgnMode="isolated", margin="0"), [])):
        made = okx.account(balance(upl="30"), [row], isolated_in_cash=True)
        of_asset = [row for row in made.reported.rows() if row["level"] == "asset"]
        assert [row["value"] for row in of_asset if row["field"] == "unrealized_pnl"] == told


def test_okx_position_sides_sign_contracts() -> None:
    """Net positions have signs; of the legs of hedge mode the sizes have none."""
    rows = [position(), position(posSide="long", pos="2"), position(posSide="short", pos="2"), position(pos="0")]
    made = okx.account(balance(), rows)
    assert made.positions["quantity"].tolist() == [-3.0, 2.0, -2.0]
    assert made.positions["position_side"].tolist() == ["net", "long", "short"]


@pytest.mark.parametrize(
    ("told", "wallet"),
    [
        ({"eq": "1210", "upl": "0", "isoEq": "210", "isoUpl": "10"}, 1200.0),
        ({"eq": "1010", "upl": "0", "isoEq": "210", "isoUpl": "10"}, 1000.0),
        ({"eq": "1010", "upl": "10", "isoEq": "210", "isoUpl": "10"}, 1000.0),
    ],
    ids=["beside the cash", "in the cash", "in the cash, profit told"],
)
def test_okx_isolated_margin_in_or_beside_the_cash_follows_from_the_equity(told: dict[str, str], wallet: float) -> None:
    """Margin of 200 with 10 of profit; the wallet of a book has fenced cash in it."""
    made = okx.account(balance(**told), [position(mgnMode="isolated", margin="200")])
    assert made.balances["wallet_balance"].tolist() == [wallet]
    assert made.positions["isolated_margin"].tolist() == [200.0]


def test_okx_isolated_margin_that_the_equity_does_not_place_is_asked_for() -> None:
    row = position(mgnMode="isolated", margin="200")
    with pytest.raises(xm.ArgumentError, match="isolated_in_cash=True"):
        okx.account(balance(eq="1500", isoEq="210"), [row])
    for inside, wallet in ((True, 1000.0), (False, 1200.0)):
        made = okx.account(balance(eq="1500"), [row], isolated_in_cash=inside)
        assert made.balances["wallet_balance"].tolist() == [wallet]


def test_okx_margin_and_option_rows_are_refused_by_name() -> None:
    with pytest.raises(xm.ArgumentError, match="instType was 'OPTION'"):
        okx.account(balance(), [position(instType="OPTION")])


def test_okx_tiers_are_contracts_without_gaps() -> None:
    rows = [
        {"tier": "1", "minSz": "0", "maxSz": "975000", "mmr": "0.004", "maxLever": "100", "uly": "BTC-USDT"},
        {"tier": "2", "minSz": "975001", "maxSz": "2000000", "mmr": "0.006", "maxLever": "75", "uly": "BTC-USDT"},
    ]
    made = okx.tiers(rows)
    assert made.bounds == ("contracts",)
    assert made.frame()["floor"].tolist() == [0.0, 975_000.0]
    assert set(made.frame()["instrument"].tolist()) == {"BTC-USDT-SWAP"}
    with pytest.raises(xm.ArgumentError, match="instrument="):
        okx.tiers([{**rows[0], "uly": ""}])


@pytest.mark.parametrize(
    ("told", "cash"),
    [
        ({"cashBal": "-100", "eq": "-100", "upl": "0"}, -100.0),
        ({"cashBal": "0", "eq": "-100", "upl": "0"}, -100.0),
        ({"cashBal": "500", "eq": "530", "upl": "30"}, 500.0),
        ({"cashBal": "500", "eq": "430", "upl": "30"}, 400.0),
    ],
    ids=["in the cash", "beside the cash", "in the cash, with profit", "beside the cash, with profit"],
)
def test_okx_debt_counts_once(told: dict[str, str], cash: float) -> None:
    """A book takes the debt off the wallet: what remains is the equity less the profit."""
    row = okx.account(balance(liab="100", **told), []).balances.rows()[0]
    assert row["borrowed"] == 100.0
    assert row["wallet_balance"] - row["borrowed"] == cash


def test_okx_debt_that_the_equity_does_not_place_is_asked_for() -> None:
    for sent in (balance(cashBal="500", eq="450", liab="100"), balance(cashBal="500", eq="", liab="100")):
        with pytest.raises(xm.ArgumentError, match=r"liab.* of 100 USDT: say debt_in_cash=True"):
            okx.account(sent, [])
        for inside, wallet in ((True, 600.0), (False, 500.0)):
            made = okx.account(sent, [], debt_in_cash=inside)
            assert made.balances["wallet_balance"].tolist() == [wallet]


@pytest.mark.parametrize(
    ("equity", "wallet"),
    [("1010", 1100.0), ("910", 1000.0), ("1210", 1300.0), ("1110", 1200.0)],
    ids=["both in the cash", "debt beside", "margin beside", "both beside"],
)
def test_okx_debt_and_isolated_margin_are_placed_together(equity: str, wallet: float) -> None:
    told = {"eq": equity, "upl": "0", "isoEq": "210", "isoUpl": "10", "liab": "100"}
    made = okx.account(balance(**told), [position(mgnMode="isolated", margin="200")])
    assert made.balances["wallet_balance"].tolist() == [wallet]


def test_okx_debt_and_isolated_margin_that_look_alike_are_asked_for() -> None:
    told = {"eq": "1000", "upl": "0", "isoEq": "200", "isoUpl": "0", "liab": "200"}
    with pytest.raises(xm.ArgumentError, match="isolated_in_cash=True"):
        okx.account(balance(**told), [position(mgnMode="isolated", margin="200")])
    made = okx.account(balance(**told), [position(mgnMode="isolated", margin="200")], isolated_in_cash=False)
    row = made.balances.rows()[0]
    assert (row["wallet_balance"], row["borrowed"]) == (1200.0, 200.0)  # 1,000 less the debt, and the margin beside it


def test_okx_dust_of_debt_needs_no_word() -> None:
    row = okx.account(balance(eq="1000", liab="0.00000001"), []).balances.rows()[0]
    assert row["wallet_balance"] - row["borrowed"] == 1000.0
