"""Tables beside balances and positions: read, typed and handed on."""

import json

import pytest

from cli.running import Command, agree
from crossmargin.cli.readers import read_table

ORDERS = """\
order_id,account,instrument,quantity,price,trigger_price,reduce_only
1,ann,BTCUSDT,0.1,61000,,true
2,bob,BTCUSDT,-0.1,,63000,
3,cleo,SOLUSDT,1,140,,0
"""


def test_read_orders_from_csv_types_each_column(command: Command) -> None:
    command.write("orders.csv", ORDERS)
    table = read_table("orders.csv", "orders")
    assert table.values("order_id") == ["1", "2", "3"]
    assert table.values("price") == [61_000.0, None, 140.0]
    assert table.values("trigger_price") == [None, 63_000.0, None]
    assert table.values("reduce_only") == [True, None, False]


def test_read_flag_that_is_none_says_the_line(command: Command) -> None:
    command.write("orders.csv", ORDERS.replace("true", "yes"))
    ran = command.score("--quiet", orders="orders.csv")
    message = "orders.reduce_only[0] was 'yes', expected true or false; correct line 2 of orders.csv"
    assert (ran.code, ran.text, ran.err) == (1, "", f"crossmargin: error: {message}\n")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "orders",
            "account,instrument,quantity\nann,BTCUSDT,1\n",
            "orders.price is missing; orders needs account, instrument, quantity, price",
        ),
        ("accounts", "account,parent\nann,bob\n", "accounts.parent is not read by this version; "),
        (
            "settings",
            "account,instrument,leverage\nann,BTCUSDT,x\n",
            "settings.leverage[0] was 'x', expected a number; ",
        ),
        (
            "last",
            "instrument,price\nBTCUSDT,1\n",
            "last.price is no column of this table; it has instrument, last_price",
        ),
        ("index", "asset,index_price\nUSDT,-1\n", "index[USDT] was -1, expected a positive number within "),
        ("last", "instrument,last_price\nBTCUSDT,-1\n", "last[BTCUSDT] was -1, expected a positive number within "),
    ],
)
def test_score_faulty_table_is_refused_in_one_line(command: Command, file: str, text: str, message: str) -> None:
    command.write(f"{file}.csv", text)
    ran = command.score("--quiet", **{file: f"{file}.csv"})
    assert (ran.code, ran.text, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith(f"crossmargin: error: {message}")


def test_score_accounts_are_text_in_all_tables_if_in_one(command: Command) -> None:
    command.write("balances.csv", "account,asset,wallet_balance\n7,USDT,5\n")
    command.write("settings.csv", "account,instrument,leverage\nseven,BTCUSDT,5\n7,BTCUSDT,5\n")
    ran = command.score("--quiet", "--format", "jsonl", positions=None, settings="settings.csv")
    assert json.loads(ran.text.splitlines()[0])["account"] == "7", ran.err


def test_score_on_error_reject_lists_faults_of_orders_with_their_accounts(command: Command) -> None:
    command.write("orders.csv", ORDERS.replace("-0.1", "0"))
    options = ("--on-error", "reject", "--rejects", "faults.csv", "--outputs", "liquidatable", "--quiet")
    ran = command.score(*options, orders="orders.csv")
    assert [line.split(",")[0] for line in ran.text.splitlines()[1:]] == ["ann", "cleo", "cleo"]
    assert command.read("faults.csv").splitlines()[1:] == ["bob,orders,1,quantity,0.0,zero,leave filled orders out"]


def test_score_inverse_contracts_in_base_name_the_option(command: Command) -> None:
    command.write("balances.csv", "account,asset,wallet_balance\nann,BTC,1\n")
    command.write("positions.csv", "account,instrument,quantity,entry_price\nann,BTCUSD_PERP,10,60000\n")
    command.write("marks.json", '{"BTCUSD_PERP": 60000}')
    ran = command.score("--quiet", "--quantity-unit", "base", preset="binance-coinm")
    assert ran.code == 1
    assert ran.err.endswith("the face of an inverse contract is in its quote asset; use --quantity-unit contracts\n")


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(("options", "shown"), [((), "11.954764755"), (("--venue-rounded",), "11.95476475")])
def test_score_venue_rounded_cuts_the_figures_of_the_pools(command: Command, engine: str, options, shown: str) -> None:
    command.write("balances.csv", "account,asset,wallet_balance\nann,USDT,11.954764755\n")
    ran = command.score(*options, "--engine", engine, "--outputs", "equity", "--quiet", positions=None)
    assert ran.text.splitlines()[1] == f"ann,cross,USDT,,,{shown}"


MULTI = """\
extends = "binance-usdm-multi/2024-10-01"
preset = "multi"
as_of = 2024-10-01
[fees]
taker = 0.0005
maker = 0
[fees.profile.vip]
taker = 0.0002
maker = 0
[margin_class]
user_coefficient = "bounds"
[maintenance_margin]
closing_fee = "mark"
"""


@pytest.mark.parametrize("unit", ["contracts", "base"])
def test_score_reference_engine_agrees_with_the_fast_one_on_every_table(command: Command, unit: str) -> None:
    command.write("multi.toml", MULTI)
    command.write(
        "balances.csv", "account,asset,wallet_balance\nann,USDT,5000\nann,BTC,-0.25\nbob,USDC,900\ncleo,BTC,1\n"
    )
    command.write(
        "positions.csv", "account,instrument,quantity,entry_price\nann,BTCUSDT,2.5,60000\nbob,ETHUSDT,-2,2500\n"
    )
    command.write("orders.csv", ORDERS)
    command.write("accounts.csv", "account,profile,tier_coefficient\nann,vip,2\nbob,,0.5\n")
    head = "account,instrument,leverage,margin_mode\n"
    command.write("settings.csv", head + "ann,BTCUSDT,5,\nbob,BTCUSDT,10,\nbob,ETHUSDT,8,cross\ncleo,SOLUSDT,4,cross\n")
    command.write("index.csv", "asset,index_price\nUSDC,1.01\nBTC,61990\nUSDT,1\n")
    tables = {name: f"{name}.csv" for name in ("orders", "accounts", "settings", "index")}
    found = {}
    for engine in ("fast", "reference"):
        options = ("--engine", engine, "--outputs", "all", "--quiet", "--quantity-unit", unit)
        files = [f"{engine}{part}.parquet" for part in ("", "-positions", "-accounts")]
        results = ("--out", files[0], "--positions-out", files[1], "--accounts-out", files[2])
        ran = command.score(*options, *results, preset=None, market="multi.toml", **tables)
        assert (ran.code, ran.err) == (0, "")
        found[engine] = [read_table(file, engine).columns for file in files]
    for fast, reference in zip(found["fast"], found["reference"], strict=True):
        agree(fast, reference)
