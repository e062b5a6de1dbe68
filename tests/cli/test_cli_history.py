"""``crossmargin score --history``: a book at the prices of many moments."""

import json
from pathlib import Path

import pytest

import crossmargin as xm
from cli.running import POSITIONS, Command, Ran
from crossmargin.cli.readers import read_table
from crossmargin.cli.terminal import Progress
from crossmargin.cli.writers import write_tables

HEAD = "time,BTCUSDT,ETHUSDT,SOLUSDT\n"
WIDE = HEAD + "9,62000,2450,146\n10,61000,2500,140\n"
LONG = """\
time,instrument,mark_price
10,BTCUSDT,61000
9,BTCUSDT,62000
10,ETHUSDT,2500
9,ETHUSDT,2450
10,SOLUSDT,140
9,SOLUSDT,146
"""


@pytest.fixture
def moments(command: Command) -> Command:
    command.write("history.csv", WIDE)
    return command


def score(command: Command, *options: str, history: str = "history.csv") -> Ran:
    return command.score("--history", history, *options, marks=None)


def test_history_scores_every_row_of_prices_as_one_call_each(moments: Command) -> None:
    ran = score(moments, "--outputs", "excess,liquidatable", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    found = [line.split(",") for line in ran.text.splitlines()]
    assert found[0] == ["row", "time", "account", "kind", "asset", "instrument", "side", "excess", "liquidatable"]
    marks = ({"BTCUSDT": 62000, "ETHUSDT": 2450, "SOLUSDT": 146}, {"BTCUSDT": 61000, "ETHUSDT": 2500, "SOLUSDT": 140})
    for row, (time, prices) in enumerate(zip(("9", "10"), marks, strict=True)):
        moments.write("marks.json", json.dumps(prices))
        alone = moments.score("--outputs", "excess,liquidatable", "--quiet").text.splitlines()[1:]
        assert [",".join(cells[2:]) for cells in found[1:] if cells[:2] == [str(row), time]] == alone
        assert len(alone) == 4


def test_history_long_table_in_any_order_is_the_same(moments: Command) -> None:
    moments.write("long.csv", LONG)
    rows = [
        {"time": 9, "BTCUSDT": 62000, "ETHUSDT": 2450, "SOLUSDT": "146"},
        {"time": 10, "BTCUSDT": 61000, "ETHUSDT": 2500.0, "SOLUSDT": 140},
    ]
    moments.write("wide.json", json.dumps(rows))
    first = score(moments, "--quiet").text
    assert score(moments, "--quiet", history="long.csv").text == first
    assert score(moments, "--quiet", history="wide.json").text == first


@pytest.mark.parametrize("format_", ["csv", "json", "jsonl", "parquet", "arrow"])
def test_history_every_format_has_a_row_per_moment_and_pool(moments: Command, format_: str) -> None:
    ran = score(moments, "--out", f"new/scores.{format_}", "--quiet")
    assert (ran.code, ran.text, ran.err) == (0, "", "")
    table = read_table(f"new/scores.{format_}", "scores")
    assert [int(time) for time in table.values("time")] == [9] * 4 + [10] * 4
    assert [path.name for path in Path("new").iterdir()] == [f"scores.{format_}"]


def test_history_summary_counts_rows(moments: Command) -> None:
    lines = score(moments, "--out", "scores.csv").err.splitlines()
    assert lines[-4:-2] == ["rules   binance-usdm/2024-10-01 (unofficial)", "book    3 accounts, 4 pools, 4 positions"]
    assert lines[-2].startswith("history 2 rows of prices, 8 rows written in ")
    assert lines[-1] == "scores  0 decided by exact arithmetic; 3 liquidatable"


def test_history_index_prices_hold_at_every_moment(moments: Command) -> None:
    """Cash of 50,000 at 2, and 0.5 * 2,000 + 2 * 150 of profit, then 0.5 * 1,000 + 2 * 100."""
    moments.write("index.json", '{"USDC": 2, "USDT": 1}')
    moments.write("balances.csv", "account,asset,wallet_balance\nann,USDC,50000\n")
    moments.write("positions.csv", "\n".join(POSITIONS.splitlines()[:3]) + "\n")
    options = ("--index", "index.json", "--outputs", "equity", "--quiet")
    ran = moments.score("--history", "history.csv", *options, marks=None, preset="binance-usdm-multi")
    assert (ran.code, ran.err) == (0, "")
    assert [line.rpartition(",")[2] for line in ran.text.splitlines()[1:]] == ["101300.0", "100700.0"]


def test_history_missing_price_says_the_row_and_leaves_no_file(moments: Command) -> None:
    moments.write("history.csv", HEAD + "9,62000,2450,146\n10,61000,2500,\n")
    ran = score(moments, "--out", "new/scores.csv", "--quiet")
    assert (ran.code, ran.text) == (1, "")
    assert "SOLUSDT" in ran.err
    assert ran.err.endswith("in row 1 of the history\n")
    assert list(Path("new").iterdir()) == []
    ran = score(moments, "--missing", "null")
    assert ran.err.splitlines()[-1].endswith("; 1 without a price; 2 liquidatable")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--positions-out", "p.csv"), "--positions-out is of one moment; leave it out with --history"),
        (("--venue-rounded",), "--venue-rounded is of one moment; leave it out with --history"),
        (("--engine", "reference"), "--engine reference scores one moment; leave it out with --history"),
        (("--format", "json-columns"), "--format json-columns cannot be written row by row; use jsonl with --history"),
        (("--marks", "marks.json"), "argument --marks: not allowed with argument --history"),
    ],
)
def test_history_options_of_one_moment_exit_with_2(moments: Command, options: tuple[str, ...], message: str) -> None:
    ran = score(moments, *options)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err.splitlines()[-1].endswith(f"error: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,BTCUSDT\n9,x\n", "history.BTCUSDT[0] was 'x', expected a number"),
        ("time,NOPE\n9,1\n", "mark named 'NOPE', which this market does not have"),
        (
            "instrument,mark_price\nBTCUSDT,9\n",
            "mark.time is missing; a table with a row per price needs the time of each",
        ),
    ],
)
def test_history_that_is_none_is_refused(moments: Command, text: str, message: str) -> None:
    moments.write("history.csv", text)
    ran = score(moments, "--quiet")
    assert (ran.code, ran.text) == (1, "")
    assert ran.err.removeprefix("crossmargin: error: ").startswith(message)


def test_tables_written_one_by_one_are_one_list(tmp_path: Path) -> None:
    file = tmp_path / "two.json"
    assert write_tables([xm.Table({"n": [1, 2]}), xm.Table({"n": [3]})], str(file), "json") == 3
    assert json.loads(file.read_text(encoding="utf-8")) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_progress_line_is_for_terminals_only() -> None:
    class Stream:
        def __init__(self, *, terminal: bool) -> None:
            self.text, self.terminal = "", terminal

        def write(self, text: str) -> int:
            self.text += text
            return len(text)

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return self.terminal

    for quiet, terminal, shown in ((False, True, "\r\x1b[Kscore  1 of 2 rows"), (False, False, ""), (True, True, "")):
        stream = Stream(terminal=terminal)
        Progress(quiet=quiet, stream=stream).update("score  1 of 2 rows")  # type: ignore[arg-type]
        assert stream.text == shown
