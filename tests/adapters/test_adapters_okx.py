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
