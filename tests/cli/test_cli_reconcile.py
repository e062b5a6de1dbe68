"""``crossmargin reconcile``: replies as they were saved, our figures beside theirs, and an exit code that says it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cli.replies import (
    CCXT_BALANCE,
    CCXT_SHORT,
    META,
    OKX_BALANCE,
    OKX_RULES,
    OKX_SHORT,
    SHORT,
    STATE,
    WALLET,
    binance,
    written,
)
from cli.running import Command, Ran

BINANCE = ("reconcile", "--source", "binance", "--kind", "usdm", "--as-of", "2024-10-01")


@pytest.fixture
def saved(command: Command) -> Command:
    replies: dict[str, Any] = {
        "wallet": WALLET,
        "held": {"result": {"list": [SHORT]}},
        "meta": META,
        "state": STATE,
        "balance": OKX_BALANCE,
        "short": {"data": [OKX_SHORT]},
        "total": CCXT_BALANCE,
        "contracts": [CCXT_SHORT],
        "nothing": [],
        "account": binance(),
    }
    for name, reply in replies.items():
        command.write(f"{name}.json", written(reply))
    command.write("okx.toml", OKX_RULES)
    return command


def expected(name: str) -> str:
    return (Path(__file__).parent / "expected" / f"{name}.txt").read_text(encoding="utf-8")


def fault(ran: Ran, code: int = 1) -> str:
    assert (ran.code, ran.text, ran.err.count("\n")) == (code, "", 1), ran
    return ran.err.removeprefix("crossmargin: error: ").rstrip("\n")


# each venue


@pytest.mark.parametrize("files", [("wallet.json", "held.json"), ("held.json", "wallet.json")])
def test_reconcile_bybit_by_the_preset_that_the_reply_tells(saved: Command, files: tuple[str, str]) -> None:
    ran = saved("reconcile", "--source", "bybit", *files, "--as-of", "2025-09-02")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == expected("reconcile_bybit")


def test_reconcile_hyperliquid_by_its_meta_has_nothing_unexplained(saved: Command) -> None:
    ran = saved("reconcile", "--source", "hyperliquid", "state.json", "meta.json", "--as-of", "2026-11-22", "--all")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == expected("reconcile_hyperliquid")


def test_reconcile_hyperliquid_takes_meta_and_contexts_in_one(saved: Command) -> None:
    saved.write("both.json", written([META, [{"markPx": "60400.0"}]]))
    ran = saved("reconcile", "--source", "hyperliquid", "state.json", "both.json", "--as-of", "2026-11-22")
    assert (ran.code, ran.err) == (0, "")


def test_reconcile_okx_by_rules_of_ones_own_names_the_fee(saved: Command) -> None:
    """0.05 % of 600 is inside our maintenance margin and not in theirs."""
    ran = saved("reconcile", "--source", "okx", "balance.json", "short.json", "--market", "okx.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == expected("reconcile_okx")


def test_reconcile_ccxt_by_a_preset(saved: Command) -> None:
    files = ("total.json", "contracts.json", "--exchange", "binanceusdm", "--market", "binance-usdm/2024-10-01")
    ran = saved("reconcile", "--source", "ccxt", *files, "--all")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == expected("reconcile_ccxt")


# the text and the exit code


def test_reconcile_where_all_is_equal_says_so_and_shows_all_when_asked(saved: Command) -> None:
    ran = saved(*BINANCE, "account.json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == expected("reconcile_equal")
    assert saved(*BINANCE, "account.json", "--all").text == expected("reconcile_all")


def test_reconcile_with_a_difference_of_no_known_cause_exits_with_3(saved: Command) -> None:
    saved.write("odd.json", written(binance("29.12345678")))
    ran = saved(*BINANCE, "odd.json")
    assert (ran.code, ran.err) == (3, "")
    lines = ran.text.splitlines()
    rows = [line.split() for line in lines]
    row = next(row for row in rows if "maintenance_margin" in row)
    assert row[:7] == ["position", "BTCUSDT", "-", "maintenance_margin", "22.4", "29.12345678", "6.72345678"]
    assert row[8] == "unexplained"
    assert lines[-1] == "1 figure differs for no cause that was tried: see docs/adapters.md"


@pytest.mark.parametrize("format_", ["csv", "jsonl", "json", "json-columns"])
def test_reconcile_format_writes_every_figure_and_the_summary_beside_it(saved: Command, format_: str) -> None:
    ran = saved(*BINANCE, "account.json", "--format", format_)
    assert ran.code == 0
    assert ran.err.splitlines()[0] == "rules    binance-usdm/2024-10-01 (unofficial)"
    if format_ == "jsonl":
        rows = [json.loads(line) for line in ran.text.splitlines()]
        assert {row["field"]: row["theirs"] for row in rows}["maintenance_margin"] == 22.4
        assert all(row["status"] == "equal" for row in rows)
    assert saved(*BINANCE, "account.json", "--format", format_, "--quiet").err == ""


def test_reconcile_out_is_in_the_format_of_its_name(saved: Command) -> None:
    ran = saved(*BINANCE, "account.json", "--out", "new/figures.csv", "--quiet")
    assert (ran.code, ran.text, ran.err) == (0, "", "")
    head = saved.read("new/figures.csv").splitlines()[0].split(",")
    assert head[:2] == ["account", "level"]
    assert head[-5:] == ["steps", "status", "cause", "detail", "key"]


def test_reconcile_marks_come_before_those_of_the_reply(saved: Command) -> None:
    saved.write("marks.json", '{"BTCUSDT": 50000}')
    ran = saved(*BINANCE, "account.json", "--marks", "marks.json")
    assert ran.code == 3
    rows = {row[3]: row[4:6] for row in map(str.split, ran.text.splitlines()[4:6])}
    assert rows == {"unrealized_pnl": ["-1,000", "-400"], "maintenance_margin": ["20", "22.4"]}


def test_reconcile_own_brackets_are_laid_over_the_rules(saved: Command) -> None:
    """29 of maintenance margin on 5,600 of notional would be a rate of 0.517...; at 0.5 % it is 28."""
    tier = {"bracket": 1, "initialLeverage": 50, "notionalFloor": 0, "notionalCap": 10**6, "cum": 0.0}
    brackets = [{"symbol": "BTCUSDT", "brackets": [{**tier, "maintMarginRatio": 0.005}]}]
    saved.write("brackets.json", written(brackets))
    saved.write("other.json", written(binance("28.00000000")))
    ran = saved(*BINANCE, "other.json", "brackets.json")
    assert ran.code == 0
    assert ran.text.splitlines()[0] == "rules    binance-usdm/2024-10-01+tiers (unofficial)"
    assert ran.text.splitlines()[-1] == "every figure is equal; --all shows them"


def test_reconcile_reads_a_reply_from_standard_input(saved: Command) -> None:
    ran = saved(*BINANCE, "-", stdin=written(binance()).encode())
    assert ran.code == 0
    assert ran.text == saved(*BINANCE, "account=account.json").text


# faults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--source", "binance", "account.json"),
            "the replies of binance do not say which futures they are of; give --kind usdm or coinm",
        ),
        (
            ("--source", "binance", "--kind", "usdm", "--category", "linear", "account.json"),
            "--category is for bybit; leave it out with --source binance",
        ),
        (
            ("--source", "okx", "balance.json", "short.json"),
            "no preset is known of what these replies are of; give --market with rules of your own",
        ),
        (
            ("--source", "hyperliquid", "state.json"),
            "no preset is known of what these replies are of; give the file of meta, or --market with rules of "
            "your own",
        ),
        (
            ("--source", "hyperliquid", "state.json", "meta.json"),
            "meta does not say of which day it is; give --as-of YYYY-MM-DD, or rules by --market",
        ),
        (
            ("--source", "ccxt", "total.json", "contracts.json"),
            "ccxt's fields mean different things on different exchanges; give --exchange, its id in ccxt",
        ),
        (
            (
                "--source",
                "bybit",
                "wallet.json",
                "held.json",
                "--market",
                "bybit-uta/2025-09-02",
                "--as-of",
                "2025-09-03",
            ),
            "--as-of chooses among the files of a preset, and bybit-uta/2025-09-02 is one of them; leave it out",
        ),
        (
            ("--source", "bybit", "wallet.json", "held.json", "--all", "--format", "csv"),
            "--all is of the text; the table has every figure, so leave it out with --format and --out",
        ),
        (
            ("--source", "bybit", "-", "positions=-"),
            "several inputs were standard input; give all but one a file",
        ),
    ],
)
def test_reconcile_options_that_do_not_go_together_exit_with_2(saved: Command, arguments, message) -> None:
    assert fault(saved("reconcile", *arguments), code=2) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "bybit", "none.json"), "reply could not be read from none.json: no such file or directory"),
        (
            ("--source", "bybit", "positions.csv"),
            "reply in positions.csv was not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            ("--source", "bybit", "wallet.json", "nothing.json"),
            "nothing.json was empty, so that it does not tell which reply of bybit it is: say which it is, as in "
            "wallet=nothing.json; bybit has wallet, orders, positions, risk-limit",
        ),
        (
            ("--source", "okx", "account.json"),
            "account.json had the keys of no reply of okx that is read: say which it is, as in balance=account.json; "
            "okx has balance, positions, position-tiers",
        ),
        (
            ("--source", "bybit", "wallet.json"),
            "bybit needs positions beside wallet.json (wallet): give the file of it; if there are none, a file that "
            "holds []",
        ),
        (
            ("--source", "bybit", "held.json", "positions=nothing.json"),
            "held.json and nothing.json were both positions; give one of each, of one account",
        ),
        (
            ("--source", "binance", "--kind", "usdm", "account.json", "--market", "bybit-uta/2025-09-02"),
            "market 'bybit-uta/2025-09-02' pools per_account, but the account is per_asset: take --market binance-usdm",
        ),
        (
            ("--source", "binance", "--kind", "usdm", "account.json", "--market", "nope"),
            'preset: was "nope", expected one of ',
        ),
        (
            ("--source", "okx", "balance.json", "short.json", "--market", "gone.toml"),
            "market could not be read from gone.toml",
        ),
    ],
)
def test_reconcile_files_at_fault_exit_with_1_and_say_the_cure(saved: Command, arguments, message) -> None:
    assert fault(saved("reconcile", *arguments)).startswith(message)


def test_reconcile_what_a_reply_leaves_open_is_asked_for_as_an_option(saved: Command) -> None:
    wallet = copy.deepcopy(WALLET)
    wallet["result"]["list"][0]["coin"][0]["bonus"] = "5"  # type: ignore[index]
    saved.write("bonus.json", written(wallet))
    files = ("reconcile", "--source", "bybit", "bonus.json", "held.json", "--as-of", "2025-09-02")
    said = fault(saved(*files))
    assert said == "wallet.coin[0].bonus was '5': say --bonus-in-wallet yes or no"
    assert saved(*files, "--bonus-in-wallet", "no").code in (0, 3)
    cash = binance(assets=[{"asset": name, "walletBalance": "1.0", "crossUnPnl": "0.0"} for name in ("USDT", "USDC")])
    del cash["multiAssetsMargin"]
    saved.write("two.json", written(cash))
    assert "say --multi-assets yes or no, since" in fault(saved(*BINANCE, "two.json"))
    assert saved(*BINANCE, "two.json", "--multi-assets", "no").code in (0, 3)


@pytest.mark.parametrize("value", ["x", "BTCUSDT=x", "=3,"])
def test_reconcile_leverage_that_is_none_exits_with_2(saved: Command, value: str) -> None:
    ran = saved(*BINANCE, "account.json", "--leverage", value)
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("crossmargin reconcile: error: argument --leverage: was ")


def test_reconcile_reply_without_figures_has_nothing_to_compare(saved: Command) -> None:
    saved.write("bare.json", written({"coin": [], "accountMMRate": ""}))
    ran = saved("reconcile", "--source", "bybit", "bare.json", "positions=nothing.json")
    assert fault(ran) == "the replies report no figure of the account, so that there is nothing to compare"
