"""Hyperliquid's replies: raw dollars, marks that a state does not have, margin tables that are not listed."""

from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import hyperliquid

DAY = "2026-11-22"


def held(coin: str = "ETH", size: str = "0.5", entry: str = "1990.0", value: str = "1000.0", **more: Any) -> Any:
    row = {"coin": coin, "szi": size, "entryPx": entry, "positionValue": value, "unrealizedPnl": "5.0"}
    row |= {"marginUsed": "100.0", "leverage": {"type": "cross", "value": 10}, "liquidationPx": None}
    return {"type": "oneWay", "position": {**row, **more}}


def state(*positions: Any, raw: str = "-895.0", **more: Any) -> dict[str, Any]:
    return {"marginSummary": {"totalRawUsd": raw, "accountValue": "105.0"}, "assetPositions": list(positions), **more}


def meta(*coins: dict[str, Any], tables: Any = (), **more: Any) -> dict[str, Any]:
    return {"universe": list(coins), "marginTables": [list(table) for table in tables], **more}


def coin(name: str = "ETH", largest: int = 25, table: int | None = 25, **more: Any) -> dict[str, Any]:
    return {"name": name, "szDecimals": 4, "maxLeverage": largest, "marginTableId": table, **more}


def test_hyperliquid_wallet_is_what_raw_dollars_leave() -> None:
    """-895 and 0.5 bought at 1,990: 100 of cash, worth 105 at 2,000."""
    made = hyperliquid.account(state(held()))
    assert made.balances["wallet_balance"].tolist() == [100.0]
    rules = hyperliquid.market(meta(coin()), as_of=DAY)
    assert xm.score(made.book(rules), made.prices(rules), "equity").equity.tolist() == [105.0]


def test_hyperliquid_equity_is_right_however_the_entry_price_was_rounded() -> None:
    rules = hyperliquid.market(meta(coin()), as_of=DAY)
    for entry in ("1990.0", "1990.1", "1989.6"):
        made = hyperliquid.account(state(held(entry=entry)))
        assert xm.score(made.book(rules), made.prices(rules), "equity").equity.tolist() == pytest.approx([105.0])


def test_hyperliquid_isolated_margin_is_raw_dollars_with_what_was_paid() -> None:
    """-95.06 and 0.05 bought at 2,000: 4.94 fenced; 100 beside it."""
    leverage = {"type": "isolated", "value": 20, "rawUsd": "-95.06"}
    position = held(size="0.05", entry="2000.0", value="100.5", marginUsed="5.44", leverage=leverage)
    made = hyperliquid.account(state(position, raw="4.94"))
    row = made.positions.rows()[0]
    assert (row["margin_mode"], row["isolated_margin"]) == ("isolated", 4.94)
    assert made.balances["wallet_balance"].tolist() == [104.94]
    found = made.reconcile(hyperliquid.market(meta(coin()), as_of=DAY)).table.rows()
    assert {r["key"]: r["cause"] for r in found}["marginUsed"] == "equal"


def test_hyperliquid_isolated_margin_without_raw_dollars_is_what_is_used_less_profit() -> None:
    position = held(marginUsed="105.0", leverage={"type": "isolated", "value": 10})
    assert hyperliquid.account(state(position)).positions["isolated_margin"].tolist() == [100.0]


def test_hyperliquid_short_sizes_keep_their_sign() -> None:
    made = hyperliquid.account(state(held(size="-0.5", unrealizedPnl="-5.0"), raw="1095.0"))
    assert made.positions["quantity"].tolist() == [-0.5]
    assert made.balances["wallet_balance"].tolist() == [100.0]
    assert made.mark == {"ETH": 2000.0}


def test_hyperliquid_marks_of_contexts_and_of_the_caller_come_first() -> None:
    contexts = [meta(coin()), [{"markPx": "2001.0", "oraclePx": "2000.5", "midPx": None}]]
    assert hyperliquid.account(state(held()), contexts=contexts).mark == {"ETH": 2001.0}
    assert hyperliquid.account(state(held()), contexts=contexts, mark={"ETH": 1999.0}).mark == {"ETH": 1999.0}
    with pytest.raises(xm.ArgumentError, match="1 coins and 0 contexts"):
        hyperliquid.account(state(held()), contexts=[meta(coin()), []])


def test_hyperliquid_stale_contexts_are_found_by_reconcile() -> None:
    made = hyperliquid.account(state(held()), mark={"ETH": 2001.0})
    found = made.reconcile(hyperliquid.market(meta(coin()), as_of=DAY))
    causes = {row["key"]: row["cause"] for row in found.table.rows()}
    assert found.n_unexplained == 0
    assert causes["positionValue"] == causes["unrealizedPnl"] == causes["marginUsed"] == "stale mark"
    assert causes["accountValue"] == "stale mark"


def test_hyperliquid_margin_tables_below_50_are_one_flat_tier() -> None:
    rules = hyperliquid.market(meta(coin("ATOM", 5, 5), coin("ETH", 25, 25)), as_of=DAY)
    assert rules.tiers("ATOM")["maintenance_rate"].tolist() == [0.1]
    assert rules.tiers("ETH")["maintenance_rate"].tolist() == [0.02]


def test_hyperliquid_listed_margin_tables_begin_their_tiers_at_lower_bounds() -> None:
    steps = [{"lowerBound": "0.0", "maxLeverage": 40}, {"lowerBound": "150000000.0", "maxLeverage": 20}]
    tables = [(56, {"description": "tiered 40x", "marginTiers": steps})]
    tiers = hyperliquid.market(meta(coin("BTC", 40, 56), tables=tables), as_of=DAY).tiers("BTC")
    assert tiers["maintenance_rate"].tolist() == [0.0125, 0.025]
    assert (tiers["floor"].tolist(), set(tiers["at_floor"].tolist())) == ([0.0, 150e6], {"higher"})
    assert tiers["deduction"].tolist() == [0.0, 1_875_000.0]


def test_hyperliquid_margin_table_that_is_not_listed_is_refused() -> None:
    with pytest.raises(xm.ArgumentError, match="marginTableId was 56"):
        hyperliquid.market(meta(coin("BTC", 40, 56)), as_of=DAY)


def test_hyperliquid_old_meta_without_tables_takes_the_largest_leverage() -> None:
    entry = {"name": "BTC", "szDecimals": 5, "maxLeverage": 50}
    assert hyperliquid.market({"universe": [entry]}, as_of=DAY).tiers("BTC")["maintenance_rate"].tolist() == [0.01]


def test_hyperliquid_other_collateral_must_be_named() -> None:
    with pytest.raises(xm.ArgumentError, match="collateralToken was 235"):
        hyperliquid.market(meta(coin(), collateralToken=235), as_of=DAY)
    rules = hyperliquid.market(meta(coin(), collateralToken=235), as_of=DAY, collateral="USDE")
    assert rules.assets["asset"].tolist() == ["USDE"]


def test_hyperliquid_market_is_of_the_day_that_is_said_and_reads_both_replies() -> None:
    both = [meta(coin()), [{"markPx": "1"}]]
    assert hyperliquid.market(both, as_of=DAY).id == hyperliquid.market(meta(coin()), as_of=DAY).id
    assert hyperliquid.market(both, as_of=DAY).id.startswith("hyperliquid-meta/2026-11-22")


def test_hyperliquid_exactly_at_maintenance_is_safe() -> None:
    """Account value 20 = 2 % of 1,000: not below."""
    made = hyperliquid.account(state(held(), raw="-980.0"))
    rules = hyperliquid.market(meta(coin()), as_of=DAY)
    scores = xm.score(made.book(rules), made.prices(rules), ("excess", "liquidatable"))
    assert (scores.excess.tolist(), scores.liquidatable.tolist()) == ([0.0], [False])
