"""``crossmargin watch``: frames in, events out, what it keeps and goes on from, how it ends, and what is refused."""

import io
import json
import re
import signal
import subprocess
import sys

import pytest

import crossmargin as xm
from cli.running import Command, Ran

TABLES = (
    *("--preset", "binance-usdm", "--balances", "balances.csv"),
    *("--positions", "positions.csv", "--marks", "marks.json"),
)
FRAMES = """\
{"time": 1727769600000000000, "mark": {"BTCUSDT": 62500}}
{"time": "2024-10-01T08:00:01Z", "mark": {"SOLUSDT": 143, "ETHUSDT": "2500"}}

{"mark": {"SOLUSDT": 146.5}, "index": {"USDC": 0.999}}
"""
WIDE = """\
time,BTCUSDT,ETHUSDT,SOLUSDT
2024-10-01T08:00:00,62500,,
2024-10-01T08:00:01,,2500,143

,,,146.5
"""
LONG = """\
time,name,price,quote
1727769600000000000,BTCUSDT,62500,
1727769601000000000,SOLUSDT,143,mark
1727769601000000000,ETHUSDT,2500,mark
,SOLUSDT,146.5,
"""


def watch(command: Command, *arguments: str, frames: str = FRAMES, tables: tuple[str, ...] = TABLES) -> Ran:
    return command("watch", *tables, *arguments, stdin=frames.encode())


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def expected(command: Command) -> list[xm.Event]:
    """The events by the library."""
    market = xm.load_market("binance-usdm")
    rows = [line.split(",") for line in command.read("positions.csv").splitlines()[1:]]
    cash = [line.split(",") for line in command.read("balances.csv").splitlines()[1:]]
    book = xm.Book(
        market,
        balances=[{"account": a, "asset": b, "wallet_balance": float(c)} for a, b, c in cash],
        positions=[
            {"account": row[0], "instrument": row[1], "margin_mode": row[5]}
            | dict(zip(("quantity", "entry_price", "leverage"), map(float, row[2:5]), strict=True))
            for row in rows
        ],
    )
    monitor = xm.Monitor(book, market.prices(mark=json.loads(command.read("marks.json"))))
    return [*monitor.events, *monitor.replay(FRAMES.splitlines())]


# events


def test_watch_events_are_lines_of_json(command: Command) -> None:
    ran = watch(command, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    found = events(ran.text)
    wanted = expected(command)
    assert len(found) == len(wanted) > 8
    for line, event in zip(found, wanted, strict=True):
        for name, value in event._asdict().items():
            if name == "time":
                assert line[name] == (None if value is None else str(value))
            else:
                assert line[name] == (None if value != value else value), name  # noqa: PLR0124 - NaN is null


@pytest.mark.parametrize(
    ("name", "text"), [("f.jsonl", FRAMES), ("f.csv", WIDE), ("f.csv", LONG), ("f.ndjson", FRAMES)]
)
def test_watch_frames_in_any_form_give_the_same_events(command: Command, name: str, text: str) -> None:
    command.write(name, text)
    ran = watch(command, "--frames", name, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == watch(command, "--quiet").text


def test_watch_frames_of_csv_from_standard_input_are_read(command: Command) -> None:
    assert watch(command, "--frames-format", "csv", "--quiet", frames=LONG).text == watch(command, "--quiet").text


def test_watch_rows_without_time_or_frame_are_frames(command: Command) -> None:
    ran = watch(command, "--frames-format", "csv", frames="instrument,mark_price\nBTCUSDT,62500\nSOLUSDT,143\n")
    assert {event["frame"] for event in events(ran.text)} == {0, 1, 2}
    table = "frame,name,price\n1,BTCUSDT,62500\n1,SOLUSDT,143\n2,BTCUSDT,1\n"
    ran = watch(command, "--frames-format", "csv", frames=table)
    assert {event["frame"] for event in events(ran.text)} == {0, 1, 2}
    assert "2 frames in " in ran.err


def test_watch_events_in_a_file_are_those_of_standard_output(command: Command) -> None:
    ran = watch(command, "--events", "deep/events.jsonl", "--quiet")
    assert (ran.code, ran.text) == (0, "")
    assert command.read("deep/events.jsonl") == watch(command, "--quiet").text


def test_watch_summary_says_what_was_done(command: Command) -> None:
    lines = watch(command).err.splitlines()
    assert lines[-4:-2] == ["rules   binance-usdm/2024-10-01 (unofficial)", "book    3 accounts, 4 pools, 4 positions"]
    assert re.fullmatch(r"frames  [\d.]+ touches a frame; the last is 3; 3 frames in [\d.]+ (ms|us|s)", lines[-2])
    assert lines[-1] == "events  8 entered (6 levels, 2 liquidations, 0 soft stops), 8 left"


@pytest.mark.parametrize(
    ("arguments", "alerts"),
    [
        (("--levels", "off"), {"liquidation", "soft_stop"}),
        (("--liquidation", "off", "--soft-stop", "off", "--levels", "3"), {"margin_ratio"}),
        (("--liquidation", "latched", "--levels", "off", "--soft-stop", "off"), {"liquidation"}),
        (("--levels", "off", "--liquidation", "off", "--soft-stop", "0.01"), {"soft_stop"}),
    ],
)
def test_watch_alerts_chosen_are_those_alone(command: Command, arguments: tuple[str, ...], alerts: set[str]) -> None:
    frames = '{"mark": {"BTCUSDT": 61000}}\n{"mark": {"SOLUSDT": 143}}\n{"mark": {"SOLUSDT": 140}}\n'
    found = events(watch(command, *arguments, "--quiet", frames=frames).text)
    assert {event["alert"] for event in found} == alerts


def test_watch_references_are_what_losses_are_measured_from(command: Command) -> None:
    command.write("references.csv", "account,reference_equity\nann,9000\ncleo,\n")
    found = events(watch(command, "--references", "references.csv", "--levels", "off", "--quiet", frames="").text)
    assert [event["account"] for event in found if event["alert"] == "soft_stop"] == ["ann"]


def test_watch_of_a_log_applies_its_operations(command: Command) -> None:
    watch(command, "--record", "log.jsonl", "--quiet")
    lines = command.read("log.jsonl").splitlines()
    closing = json.dumps({"operation": 1, "frame": 3, "close": {"accounts": ["bob"]}})
    command.write("log.jsonl", "\n".join([*lines, closing, '{"frame": 4}\n']))
    ran = watch(command, "--frames", "log.jsonl", "--quiet")
    assert ran.code == 0
    first = watch(command, "--quiet").text
    assert ran.text.startswith(first)


# what it keeps


def test_watch_resumed_goes_on_from_the_snapshot(command: Command) -> None:
    whole = watch(command, "--quiet").text
    lines = FRAMES.splitlines(keepends=True)
    keep = ("--snapshot", "deep/state", "--resume", "--quiet")
    parts = [watch(command, *keep, frames="".join(lines[:1])), watch(command, *keep, frames="".join(lines[1:]))]
    assert [part.code for part in parts] == [0, 0]
    assert "".join(part.text for part in parts) == whole
    assert xm.Monitor.load(command.folder / "deep" / "state").frame == 3


def test_watch_resumed_needs_no_tables(command: Command) -> None:
    watch(command, "--snapshot", "state", "--quiet", frames="")
    ran = command("watch", "--snapshot", "state", "--resume", stdin=FRAMES.encode())
    assert ran.code == 0, ran.err
    assert "rules   binance-usdm/2024-10-01\n" in ran.err
    assert "load state               frame 0 in " in ran.err
    assert watch(command, "--quiet").text.endswith(ran.text)


def test_watch_resumed_replays_what_was_recorded_since(command: Command) -> None:
    watch(command, "--snapshot", "state", "--record", "log", "--quiet")
    wanted = (command.folder / "state").read_bytes()
    watch(command, "--snapshot", "state", "--quiet", frames="")  # a crash before the state was kept
    ran = watch(command, "--snapshot", "state", "--record", "log", "--resume", frames="")
    assert ran.code == 0, ran.err
    assert "replay record            3 frames in " in ran.err
    assert ran.text == ""
    assert (command.folder / "state").read_bytes() == wanted
    (command.folder / "state").unlink()
    again = watch(command, "--record", "log", "--resume", frames='{"mark": {"SOLUSDT": 140}}\n')
    assert {event["frame"] for event in events(again.text)} == {4}


def test_watch_snapshots_every_so_often(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(xm.Monitor, "persist", lambda self, path: kept.append((self.frame, path)))
    monkeypatch.setattr("crossmargin.cli.watch.monotonic", iter(range(0, 10_000, 40)).__next__)
    monkeypatch.setattr("crossmargin.cli.frames._BYTES_AT_ONCE", 1)
    watch(command, "--snapshot", "state", "--snapshot-every", "60", "--quiet")
    assert [frame for frame, _ in kept][-1] == 3
    assert len(kept) > 2


# how it ends


def test_watch_bad_frame_ends_it_after_those_before(command: Command) -> None:
    frames = '{"mark": {"BTCUSDT": 62500}}\n{"mark": {"BTCUSDT": 62000, "NONE": 1}}\n{"mark": {"BTCUSDT": 1}}\n'
    ran = watch(command, "--snapshot", "state", "--quiet", frames=frames)
    assert ran.code == 1
    assert ran.err == "crossmargin: error: mark[NONE] was 1, expected the name of an instrument; in frames[2]\n"
    assert {event["frame"] for event in events(ran.text)} == {0, 1}
    assert xm.Monitor.load(command.folder / "state").frame == 1


@pytest.mark.parametrize(
    ("frames", "arguments", "message"),
    [
        ("{\n", (), "frames[1] was not JSON: "),
        ("1\n", (), "frames[1] was 1, expected an object"),
        ('{"frame": 5}\n', (), "frames[1] was frame 5, and the monitor is at 0: lines are missing"),
        ("\n", ("csv",), "frames in standard input began with an empty line, expected a header with the columns"),
        ("name,price\nBTCUSDT\n", ("csv",), "line 2 of standard input had 1 cells, expected 2 as in the header"),
        ("name,price\nBTCUSDT,x\n", ("csv",), "frames.price was 'x', expected a number; correct line 2 of "),
        ("name,price,bid\n", ("csv",), "frames.bid is no column of this table; it has name, price, quote, frame, time"),
        ("BTCUSDT,BTCUSDT\n", ("csv",), "frames in standard input had a column twice; give each once"),
        ("NONE\n\n5\n", ("csv",), "mark[NONE] was 5, expected the name of an instrument; in frames[3]"),
        (
            "name,price,quote\nBTCUSDT,1,bid\n",
            ("csv",),
            "frames.quote was 'bid', expected mark, index or last; correct line 2 of standard input",
        ),
    ],
)
def test_watch_frames_that_are_none_are_refused(
    command: Command, frames: str, arguments: tuple[str, ...], message: str
) -> None:
    options = [part for given in arguments for part in ("--frames-format", given)]
    ran = watch(command, *options, "--quiet", frames=frames)
    assert ran.code == 1
    assert ran.err.startswith(f"crossmargin: error: {message}")


@pytest.mark.parametrize(
    ("arguments", "tables", "code", "message"),
    [
        (("--resume",), TABLES, 2, "--resume is of a file that the state is kept in; give --snapshot too"),
        (("--snapshot-every", "5"), TABLES, 2, "--snapshot-every is of a file that the state is kept in; give "),
        (
            (),
            (),
            2,
            "--preset or --market and --balances and --marks are needed without a snapshot to resume from",
        ),
        (
            ("--snapshot", "none", "--resume"),
            TABLES[:4],
            2,
            "--marks are needed without a snapshot to resume from: there is none at none",
        ),
        (("--record", "marks.json"), TABLES, 2, "--record marks.json is there already; give --resume to go on with it"),
        (("--frames", "f.parquet"), TABLES, 2, "--frames were parquet, expected jsonl or csv, which are read as "),
        (("--levels", "2,x"), TABLES, 2, "--levels had 'x', expected numbers, or off"),
        (("--levels", "2,-1"), TABLES, 2, "--levels had -1.0, expected positive numbers"),
        (("--soft-stop", "15"), TABLES, 2, "--soft-stop was 15.0, expected a share of the reference between 0 and 1"),
        (
            ("--balances", "-"),
            TABLES,
            2,
            "--balances and --frames were both standard input; give one of them a file",
        ),
        (("--frames", "none.jsonl"), TABLES, 1, "frames could not be read from none.jsonl: no such file or directory"),
        (("--snapshot", "marks.json", "--resume"), TABLES, 1, "snapshot is not one of this program, or was changed: "),
        (("--snapshot", "."), TABLES, 1, ". could not be written: "),
        (("--events", "."), TABLES, 1, ". could not be written: is a directory"),
        (("--record", "marks.json", "--resume"), TABLES, 1, "log[1] had 'BTCUSDT', expected frame, time, mark, index"),
        (("--valuation", "EUR"), TABLES, 1, 'valuation was "EUR", which is no asset of the market'),
    ],
)
def test_watch_options_at_odds_are_refused(
    command: Command, arguments: tuple[str, ...], tables: tuple[str, ...], code: int, message: str
) -> None:
    ran = watch(command, "--quiet", *arguments, tables=tables, frames="")
    assert ran.code == code, ran.err
    assert ran.err.startswith(f"crossmargin: error: {message}")


def test_watch_without_a_mark_names_it(command: Command) -> None:
    command.write("marks.json", "{}")
    ran = watch(command, "--quiet")
    assert (ran.code, ran.text) == (1, "")
    assert "no mark price for held instruments: BTCUSDT, ETHUSDT, SOLUSDT" in ran.err


# a process of its own

CODE = """
import signal, sys
from crossmargin.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where whoever started the tests has it ignored
sys.exit(main())
"""
PROGRAM = [sys.executable, "-c", CODE, "watch", *TABLES]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_that_is_told_to_end_keeps_its_state(command: Command, number: signal.Signals) -> None:
    program = [*PROGRAM, "--snapshot", "state"]
    with subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=command.folder,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(FRAMES.encode())
        child.stdin.flush()
        lines = [child.stdout.readline() for _ in range(16)]
        child.send_signal(number)
        assert child.wait(timeout=60) == 0
        assert b"".join(lines).decode() == watch(command, "--quiet").text
        assert "; the last is 3; 3 frames in " in child.stderr.read().decode()
    assert xm.Monitor.load(command.folder / "state").frame == 3


def test_watch_applies_frames_as_they_come(command: Command) -> None:
    with subprocess.Popen(
        [*PROGRAM, "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=command.folder, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for _ in range(4):
            child.stdout.readline()
        for text, change in (('{"mark": {"BTCUSDT": 62500}}\n', "left"), ('{"mark": {"BTCUSDT": 61000}}\n', "entered")):
            child.stdin.write(text)
            child.stdin.flush()
            # the events are there though the frames go on
            assert {json.loads(child.stdout.readline())["change"] for _ in range(4)} == {change}
        child.stdin.close()
        assert child.wait(timeout=60) == 0


# the live table


def test_watch_on_a_terminal_draws_the_nearest_pools(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from rich.console import Console

    from crossmargin.cli import live

    drawn = io.StringIO()
    console = Console(file=drawn, width=110, force_terminal=True, color_system=None)
    monkeypatch.setattr(live, "Console", lambda: console)
    monkeypatch.setattr("crossmargin.cli.watch.is_terminal", lambda: True)
    ran = watch(command, "--quiet", "--rows", "2")
    assert (ran.code, ran.text) == (0, "")
    last = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", drawn.getvalue()).split("binance-usdm/2024-10-01")[-1]
    lines = [line.split() for line in last.splitlines()]
    assert last.startswith("  frame 3  ")
    assert [line[:3] for line in lines if line[:1] in (["bob"], ["cleo"], ["ann"])] == [
        ["bob", "cross", "USDT"],
        ["cleo", "isolated", "SOLUSDT"],
    ]
    assert "the last of 16 events" in last
    assert "frame 3  account cleo  liquidation left  by mark SOLUSDT" in last


def test_watch_on_a_terminal_writes_json_where_it_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = watch(command, "--quiet").text
    monkeypatch.setattr("crossmargin.cli.watch.is_terminal", lambda: True)
    assert watch(command, "--quiet", "--json").text == wanted
    monkeypatch.setitem(sys.modules, "crossmargin.cli.live", None)  # as without rich
    assert watch(command, "--quiet").text == wanted
