"""The shipped presets, read by the reference with a parser and checks of its own."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from crossmargin.reference import Market, load_market, score_account

ROOT = Path(__file__).parents[2]
PRESETS = sorted((ROOT / "rust" / "engine" / "presets").glob("*/*.toml"))


def newest(name: str) -> Market:
    return load_market(max(path for path in PRESETS if path.parent.name == name))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_preset_loads_and_says_who_it_is(path: Path) -> None:
    market = load_market(path)
    assert market.preset == path.parent.name
    assert str(market.as_of) == path.stem


def test_preset_binance_tables_are_marginal_and_capped() -> None:
    for instrument in newest("binance-usdm").instruments:
        assert instrument.table.law == "marginal", instrument.name
        assert instrument.table.cap is not None, instrument.name


def test_preset_binance_btcusdc_has_the_published_amounts() -> None:
    vectors = json.loads((ROOT / "tests" / "vectors" / "binance.json").read_text(encoding="utf-8"))
    vector = next(entry for entry in vectors if entry["id"] == "binance-um-tier-table-btcusdc")
    table = newest("binance-usdm").instrument("BTCUSDC").table
    published = [[Fraction(repr(cell)) for cell in row] for row in vector["inputs"]["tiers"]]
    assert [[tier.floor, tier.maintenance_rate, tier.max_leverage] for tier in table.tiers] == [
        [floor, rate, leverage] for floor, _, rate, leverage in published
    ]
    assert [tier.deduction for tier in table.tiers] == vector["expected"]["cum"]
    assert table.cap == published[-1][1]


def test_preset_binance_a_pool_at_its_maintenance_is_liquidated() -> None:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 250}]
    held = [{"account": 1, "instrument": "BTC/USDT:USDT", "quantity": 1, "entry_price": 60_000, "leverage": 20}]
    (pool,) = score_account(newest("binance-usdm"), cash, held, {"BTCUSDT": 60_000})
    assert (pool.maintenance_margin, pool.excess, pool.liquidatable) == (250, 0, True)


def test_preset_textbook_a_pool_at_its_maintenance_is_safe() -> None:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 4_000}]
    held = [
        {"account": 1, "instrument": "BTCUSDT", "quantity": 2, "entry_price": 50_000},
        {"account": 1, "instrument": "ETHUSDT", "quantity": -20, "entry_price": 3_000},
    ]
    (pool,) = score_account(newest("textbook"), cash, held, {"BTCUSDT": 50_000, "ETHUSDT": 3_000})
    assert (pool.maintenance_margin, pool.excess, pool.liquidatable) == (4_000, 0, False)
