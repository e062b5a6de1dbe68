"""What two markets say differently."""

from typing import Any

import pyarrow as pa
import pytest

import crossmargin as xm

PRESETS = list(zip(xm.presets()["preset"].tolist(), xm.presets()["as_of"].tolist(), strict=True))


def rows_by_path(before: xm.Market, after: xm.Market) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in xm.diff(before, after).rows()}


@pytest.mark.parametrize(("name", "as_of"), PRESETS)
def test_diff_of_a_preset_with_itself_is_empty(name: str, as_of: str) -> None:
    market = xm.load_market(name, as_of=as_of)
    changes = xm.diff(market, xm.Market.from_toml(market.to_toml()))
    assert len(changes) == 0
    assert changes.columns == ("path", "instrument", "before", "after", "source")


def test_diff_of_bybit_says_that_margins_came_to_be_at_mark() -> None:
    # Bybit help centre, The New Margin Calculation: initial margin at mark, of isolated positions still at entry.
    before, after = (xm.load_market("bybit-uta", as_of=day) for day in ("2025-02-19", "2025-09-02"))
    changes = rows_by_path(before, after)
    told = changes["initial_margin.price"]
    assert (told["instrument"], told["before"], told["after"]) == (None, "entry", "mark")
    assert "New Margin Calculation" in told["source"]
    assert changes["initial_margin.isolated.price"]["after"] == "entry"
    # The later file has a table of tiers, the earlier has none.
    tier = changes["tiers.BTCUSDT[2].floor"]
    assert (tier["instrument"], tier["before"], float(tier["after"])) == ("BTCUSDT", None, 2e6)
    assert "trigger.level" not in changes


def test_diff_of_weex_lists_the_tiers_that_were_announced() -> None:
    # WEEX announcement 23006169884185: the tiers of TRBUSDT, before and after.
    rates = [(0.015, 0.025), (0.025, 0.05), (0.0442, 0.1), (0.0856, 0.125), (0.1025, 0.5)]
    leverages = [(25, 10), (20, 5), (10, 3), (5, 2), (4, 1)]
    days = [day for name, day in PRESETS if name == "weex-usdm"]
    earlier = days[days.index("2023-09-15") - 1]
    before, after = (xm.load_market("weex-usdm", as_of=day) for day in (earlier, "2023-09-15"))
    changes = rows_by_path(before, after)
    for column, expected in (("maintenance_rate", rates), ("max_leverage", leverages)):
        for number, values in enumerate(expected, 1):
            told = changes[f"tiers.TRBUSDT[{number}].{column}"]
            assert (float(told["before"]), float(told["after"])) == values
            assert told["instrument"] == "TRBUSDT"
            assert "23006169884185" in told["source"]
    back = xm.diff(after, before)
    assert list(changes) == back["path"].tolist()
    assert [row["after"] for row in changes.values()] == back["before"].tolist()


STRICT = """
extends = "textbook/2020-01-01"
preset = "strict"
as_of = 2024-10-01
[trigger]
zero_fails = true
[[asset]]
name = "BTC"
[[instrument]]
name = "BTCUSDT"
tick = 0.5
aliases = ["XBT"]
[[instrument]]
name = "LTCUSDT"
base = "LTC"
quote = "USDT"
settle = "USDT"
tiers = "LTCUSDT"
[tiers.LTCUSDT]
law = "marginal"
bounds = "quote"
floor = [0, 1000]
maintenance_rate = [0.01, 0.02]
"""


def test_diff_of_rules_assets_instruments_and_tiers_is_by_path(textbook: xm.Market) -> None:
    changes = rows_by_path(textbook, xm.Market.from_toml(STRICT))
    rule = changes.pop("trigger.zero_fails")
    assert (rule["instrument"], rule["before"], rule["after"]) == (None, "false", "true")
    tick = changes.pop("instrument.BTCUSDT.tick")
    assert (tick["instrument"], tick["before"], float(tick["after"])) == ("BTCUSDT", None, 0.5)
    assert "XBT" in changes.pop("instrument.BTCUSDT.aliases")["after"]
    assert changes["tiers.LTCUSDT[2].maintenance_rate"] | {"source": None} == {
        "path": "tiers.LTCUSDT[2].maintenance_rate",
        "instrument": "LTCUSDT",
        "before": None,
        "after": "0.02",
        "source": None,
    }
    assert {path.split(".")[0] for path in changes} == {"asset", "instrument", "tiers"}
    assert all("LTCUSDT" in path or path.startswith("asset.BTC") for path in changes)


def test_diff_is_a_table(textbook: xm.Market) -> None:
    changes = xm.diff(textbook, xm.Market.from_toml(STRICT))
    assert "instrument.BTCUSDT.tick" in repr(changes)
    assert pa.table(changes)["path"].to_pylist() == changes["path"].tolist()


@pytest.mark.parametrize("arguments", [(None, None), ("textbook", "textbook"), (3, 4)])
def test_diff_of_what_is_no_market_is_refused(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(xm.ArgumentError, match="expected a Market"):
        xm.diff(*arguments)
