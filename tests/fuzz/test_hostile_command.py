"""The command with arguments and files of anything: an exit code that it names, and one line that says why."""

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossmargin.cli import main
from fuzz.junk import words

CODES = {0, 1, 2, 3}
GOOD = {
    "balances.csv": "account,asset,wallet_balance\nann,USDT,5000\n",
    "positions.csv": "account,instrument,quantity,entry_price,leverage\nann,BTCUSDT,0.5,60000,10\n",
    "marks.json": '{"BTCUSDT": 62000}\n',
}
COMMANDS = ["score", "explain", "presets", "venues", "reconcile"]
OPTIONS = [
    "--preset",
    "--market",
    "--balances",
    "--positions",
    "--marks",
    "--outputs",
    "--format",
    "--as-of",
    "--missing",
]
OPTIONS += ["--account", "--term", "--tiers", "--history", "--index", "--threads", "--kind", "--source", "--valuation"]
values = st.one_of(
    st.sampled_from(
        ["binance-usdm", "balances.csv", "positions.csv", "marks.json", "all", "csv", "json", "2024-10-01", "."]
    ),
    words.filter(lambda word: "\0" not in word and "/" not in word and word != "-"),
)
arguments = st.lists(st.one_of(st.sampled_from(OPTIONS), values), max_size=8)


@pytest.fixture(scope="module", autouse=True)
def folder() -> Any:
    """A folder with sound tables to work in."""
    with tempfile.TemporaryDirectory() as made, contextlib.chdir(made):
        for name, text in GOOD.items():
            Path(name).write_text(text, encoding="utf-8")
        yield made


def ran(*given_arguments: str) -> tuple[int, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(given_arguments))
    return code, err.getvalue()


def is_told(code: int, err: str) -> None:
    assert code in CODES
    assert "Traceback" not in err
    assert code in {0, 3} or err.strip(), "a fault that says nothing"


SCORE = ("score", "--preset", "binance-usdm", "--balances", "balances.csv", "--positions", "positions.csv")


def test_command_with_the_sound_tables_scores() -> None:
    assert ran(*SCORE, "--marks", "marks.json")[0] == 0


@given(command=st.sampled_from(COMMANDS), rest=arguments)
def test_command_with_any_arguments_ends_with_a_code_and_a_reason(command: str, rest: list[str]) -> None:
    is_told(*ran(command, *rest))


cells = st.sampled_from(
    ["", "ann", "USDT", "BTCUSDT", "1", "-0.0", "nan", "1e400", "1e-400", '"', "\r", "é", "inf", "0x1"]
)
damages = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 9), cells), min_size=1, max_size=3)


@given(name=st.sampled_from([*GOOD]), damages=damages)
def test_command_with_damaged_files_ends_with_a_code_and_a_reason(
    name: str, damages: list[tuple[int, int, str]]
) -> None:
    text = GOOD[name]
    for at, cut, put in damages:
        text = text[:at] + put + text[at + cut :]
    Path(f"damaged-{name}").write_text(text, encoding="utf-8", newline="")
    files = {given_name: given_name for given_name in GOOD} | {name: f"damaged-{name}"}
    tables = (
        "--balances",
        files["balances.csv"],
        "--positions",
        files["positions.csv"],
        "--marks",
        files["marks.json"],
    )
    for command in ("score", "explain"):
        is_told(*ran(command, "--preset", "binance-usdm", *tables))


replies = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["positions", "assets", "a"]), inner),
)


@given(reply=replies, source=st.sampled_from(["binance", "bybit", "okx", "hyperliquid", "ccxt"]))
def test_command_reconciling_any_reply_ends_with_a_code_and_a_reason(reply: Any, source: str) -> None:
    Path("reply.json").write_text(json.dumps(reply), encoding="utf-8")
    is_told(*ran("reconcile", "--source", source, "reply.json", "--market", "binance-usdm"))
