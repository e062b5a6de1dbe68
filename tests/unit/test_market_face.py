"""Markets: loading, reading, replacing tiers, and what they say of themselves."""

import datetime
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import crossmargin as xm

Refused = Callable[..., str]

XRP = {
    "XRP/USDT:USDT": [
        {
            "minNotional": 0.0,
            "maxNotional": 5e3,
            "maintenanceMarginRate": 0.01,
            "maxLeverage": 50.0,
            "info": {"cum": "0.0"},
        },
        {
            "minNotional": 5e3,
            "maxNotional": 5e4,
            "maintenanceMarginRate": 0.02,
            "maxLeverage": 25.0,
            "info": {"cum": "50"},
        },
    ]
}
ROWS = {
    "instrument": ["XRP/USDT:USDT", "XRP/USDT:USDT"],
    "floor": [0.0, 5e3],
    "cap": [5e3, 5e4],
    "maintenance_rate": [0.01, 0.02],
    "max_leverage": [50.0, 25.0],
}


def test_market_load_is_the_newest_file_of_the_date() -> None:
    for as_of in ("2024-12-31", datetime.date(2024, 12, 31), datetime.datetime(2024, 10, 1, 12, tzinfo=datetime.UTC)):
        assert xm.load_market("binance-usdm", as_of=as_of).id == "binance-usdm/2024-10-01"


def test_market_load_of_unknown_name_lists_known_ones(refused: Refused) -> None:
    message = refused(xm.MarketError, xm.load_market, "binance")
    assert message.startswith('preset: was "binance", expected one of binance-coinm, binance-usdm, ')
    message = refused(xm.MarketError, xm.load_market, "binance-usdm", as_of="2001-01-01")
    assert message == 'as_of: was 2001-01-01, before the first file of "binance-usdm"; dated 2024-10-01'
    message = refused(xm.MarketError, xm.load_market, "binance-usdm", as_of="soon")
    assert message == 'as_of: was "soon", expected a date such as "2024-10-01"'
    assert refused(xm.ArgumentError, xm.load_market, 3) == "name was of type int, expected text"
    assert refused(xm.ArgumentError, xm.load_market, "textbook", 2024) == "as_of was of type int, expected text"


def test_market_presets_can_all_be_loaded() -> None:
    for row in xm.presets().rows():
        assert xm.load_market(row["preset"], as_of=row["as_of"]).id == f"{row['preset']}/{row['as_of']}"


def test_market_file_and_text_are_one(tmp_path: Path, usdm: xm.Market) -> None:
    path = tmp_path / "market.toml"
    path.write_text(usdm.to_toml(), encoding="utf-8")
    assert xm.Market.from_toml(path) == xm.Market.from_toml(str(path)) == xm.Market.from_toml(usdm.to_toml()) == usdm
    with pytest.raises(FileNotFoundError):
        xm.Market.from_toml(tmp_path / "absent.toml")


def test_market_text_that_is_no_market_is_refused(refused: Refused) -> None:
    message = refused(
        xm.MarketError, xm.Market.from_toml, 'schema = 1\npreset = "mine"\nas_of = 2024-10-01\npool = 1\n'
    )
    assert "pool" in message
    assert refused(xm.ArgumentError, xm.Market.from_toml, 3) == "source was of type int, expected a path or text"


def test_market_pickles_to_an_equal_one(usdm: xm.Market, textbook: xm.Market) -> None:
    again = pickle.loads(pickle.dumps(usdm))
    assert again == usdm
    assert hash(again) == hash(usdm)
    assert again != textbook
    assert usdm != "binance-usdm"


def test_market_cannot_be_made_of_nothing(refused: Refused) -> None:
    assert "load_market()" in refused(xm.ArgumentError, xm.Market)
    assert "market.prices()" in refused(xm.ArgumentError, xm.Prices)
    assert "score()" in refused(xm.ArgumentError, xm.Scores)


def test_market_says_what_it_holds(usdm: xm.Market) -> None:
    assert usdm.assets["asset"].tolist() == ["USDT", "USDC"]
    assert usdm.instruments["instrument"][:2].tolist() == ["BTCUSDT", "ETHUSDT"]
    assert usdm.instruments["max_leverage"][0] == 125.0
    assert "BTC/USDT:USDT" in usdm.aliases["BTCUSDT"]
    assert (usdm.rules["zero_fails"], usdm.rules["venue_ratio"]) == (True, "maintenance_over_equity")
    assert set(usdm.sources["evidence"]) <= {"stated", "inferred", "secondary", "chosen"}
    assert usdm.title is not None
    assert repr(usdm).startswith("Market('binance-usdm/2024-10-01', ")


def test_market_tiers_are_those_published(usdm: xm.Market, refused: Refused) -> None:
    tiers = usdm.tiers("BTCUSDT")
    assert tiers == usdm.tiers("BTC/USDT:USDT")
    assert tiers["floor"][:4].tolist() == [0.0, 50_000.0, 600_000.0, 3_000_000.0]
    assert tiers["deduction"][:4].tolist() == [0.0, 50.0, 950.0, 11_450.0]
    assert tiers["cap"][:-1].tolist() == tiers["floor"][1:].tolist()
    message = refused(xm.ArgumentError, usdm.tiers, "BTCUSDX")
    assert message == 'instrument was "BTCUSDX", which this market does not have'


@pytest.mark.parametrize("form", ["ccxt", "columns", "rows", "arrow", "path", "json path"])
def test_market_with_tiers_takes_each_form(form: str, textbook: xm.Market, tmp_path: Path) -> None:
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(XRP), encoding="utf-8")
    rows = [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)]
    forms = {"ccxt": XRP, "columns": ROWS, "rows": rows, "arrow": pa.table(ROWS), "path": path, "json path": str(path)}
    market = textbook.with_tiers(forms[form])
    assert market.id == "textbook/2020-01-01+tiers"
    tiers = market.tiers("XRPUSDT")
    assert tiers["deduction"].tolist() == [0.0, 50.0]
    assert tiers["cap"].tolist() == [5e3, 5e4]
    assert tiers["law"].tolist() == ["marginal", "marginal"]
    assert market.aliases["XRPUSDT"] == ["XRP/USDT:USDT"]


def test_market_with_tiers_that_disagree_keeps_the_list(textbook: xm.Market) -> None:
    table = ROWS | {"deduction": [0.0, 49.0]}
    assert textbook.with_tiers(table).tiers("XRPUSDT")["law"].tolist() == ["list", "list"]


def test_market_with_tiers_malformed_is_refused(textbook: xm.Market, tmp_path: Path, refused: Refused) -> None:
    def message(tiers: object, kind: type[Exception] = xm.ArgumentError, bounds: str = "quote") -> str:
        return refused(kind, textbook.with_tiers, tiers, bounds)

    assert message(3) == (
        "tiers was of type int, expected a table: a dict of columns, a list of dicts, or anything that exports Arrow"
    )
    assert message({"XRP/USDT:USDT": 3}) == "tiers['XRP/USDT:USDT'] was of type int, expected a list of tiers"
    assert message({"XRP/USDT:USDT": [3]}) == "tiers['XRP/USDT:USDT'] held a int, expected a mapping for each tier"
    tier = XRP["XRP/USDT:USDT"][0]
    assert message({"XRP/USDT:USDT": [tier | {"maintenanceMarginRate": "x"}]}) == (
        "tiers['XRP/USDT:USDT'].maintenanceMarginRate was 'x', expected a number"
    )
    assert message({"instrument": ["BTCUSDT"], "floor": [0.0]}) == (
        "tiers.maintenance_rate is missing; tiers needs instrument, floor, maintenance_rate"
    )
    assert message(ROWS | {"floor": [0.0]}) == "tiers.floor had 1 rows, expected 2 as in the instrument column"
    assert message(ROWS, bounds="base") == 'bounds was "base", expected "quote" or "settle" or "contracts"'
    assert message({"XRP": XRP["XRP/USDT:USDT"]}, xm.MarketError).startswith("tiers.XRP: is no instrument")
    path = tmp_path / "tiers.json"
    path.write_text("{", encoding="utf-8")
    assert message(path).startswith(f"tiers was {path}, which is no JSON: ")
