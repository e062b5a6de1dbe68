"""``crossmargin prices``: rows, the two engines, the ladder, and the exact text of what is refused."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cli.running import Command, Ran, agree
from crossmargin.cli.readers import read_table

EXPECTED = Path(__file__).parent / "expected"
TABLES = ("--balances", "balances.csv", "--positions", "positions.csv", "--marks", "marks.json")


def prices(command: Command, *arguments: str, preset: str = "binance-usdm") -> Ran:
    return command("prices", "--preset", preset, *TABLES, *arguments)


def test_prices_small_book_gives_a_row_per_position(command: Command) -> None:
    ran = prices(command, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == (EXPECTED / "prices.csv").read_text(encoding="utf-8")


def test_prices_along_an_underlying_give_a_row_per_pool_and_underlying(command: Command) -> None:
    ran = prices(command, "--along", "underlying", "--quiet")
    assert ran.text == (EXPECTED / "prices_underlying.csv").read_text(encoding="utf-8")


def test_prices_summary_says_rules_counts_and_ends(command: Command) -> None:
    lines = prices(command, "--out", "prices.csv").err.splitlines()
    assert lines[-4:-2] == ["rules   binance-usdm/2024-10-01 (unofficial)", "book    3 accounts, 4 pools, 4 positions"]
    assert re.fullmatch(r"rows    \d+ decided by exact arithmetic", lines[-2])
    assert lines[-1] == "prices  4 positions; 2 with a price below; 2 with a price above; 1 liquidatable now"


def test_prices_outputs_named_are_those_alone(command: Command) -> None:
    ran = prices(command, "--outputs", "liquidatable,below", "--quiet")
    assert ran.text.splitlines()[0].endswith("mark_price,liquidatable,below")
    assert prices(command, "--outputs", "all", "--quiet").text == prices(command, "--quiet").text


@pytest.mark.parametrize("along", ["instrument", "underlying"])
def test_prices_reference_engine_gives_the_same_text(command: Command, along: str) -> None:
    fast, slow = (prices(command, "--along", along, "--engine", engine, "--quiet") for engine in ("fast", "reference"))
    assert slow.code == 0, slow.err
    assert slow.text == fast.text


def test_prices_reference_engine_agrees_on_a_drawn_book(command: Command) -> None:
    drawn = command("synth", "retail", "--accounts", "60", "--seed", "3", "--out", "book", "--quiet").text.split()
    tables = list(drawn[2:-2])
    command.write("index.json", '{"USDC": 0.999}')
    for engine in ("fast", "reference"):
        options = ("--engine", engine, "--out", f"{engine}.parquet", "--index", "index.json", "--quiet")
        ran = command("prices", *tables, *options)
        assert ran.code == 0, ran.err
    agree(read_table("fast.parquet", "fast").columns, read_table("reference.parquet", "reference").columns)


def test_prices_venue_rounded_are_multiples_of_the_tick(command: Command) -> None:
    market = 'extends = "binance-usdm/2024-10-01"\npreset = "mine"\nas_of = 2024-10-01\n'
    command.write("mine.toml", market + '[[instrument]]\nname = "BTCUSDT"\ntick = 0.1\n')
    for engine in ("fast", "reference"):
        options = ("--outputs", "liquidation_price", "--venue-rounded", "--quiet", "--engine", engine)
        ran = command("prices", "--market", "mine.toml", *TABLES, *options)
        assert [line.rpartition(",")[2] for line in ran.text.splitlines()[1:3]] == ["49637.7", "5515.93625498008"]


def test_prices_missing_null_marks_what_is_unpriced(command: Command) -> None:
    command.write("marks.json", '{"BTCUSDT": 62000, "ETHUSDT": 2450}')
    ran = prices(command, "--missing", "null", "--outputs", "below", "--format", "jsonl")
    rows = [json.loads(line) for line in ran.text.splitlines()]
    assert [row["unpriced"] for row in rows] == [False, False, False, True]
    assert rows[3]["below"] is None
    assert "; 1 pool without a price\n" in ran.err


def test_prices_on_error_reject_writes_the_faults(command: Command) -> None:
    command.write("positions.csv", "account,instrument,quantity,entry_price\nann,NONE,1,1\nbob,BTCUSDT,0.01,60000\n")
    ran = prices(command, "--on-error", "reject", "--rejects", "faults.csv")
    assert ran.code == 0
    assert "1 account rejected for 1 fault" in ran.err
    assert command.read("faults.csv").splitlines()[1].startswith("ann,positions,0,instrument,NONE,")


# the ladder


def test_prices_ladder_is_drawn_as_svg_and_as_a_page(command: Command) -> None:
    for suffix in ("svg", "html"):
        ran = prices(command, "--ladder", f"deep/ladder.{suffix}", "--underlying", "BTC", "--quiet")
        assert (ran.code, ran.err) == (0, "")
    svg = command.read("deep/ladder.svg")
    ET.fromstring(svg)
    assert svg == (EXPECTED / "ladder.svg").read_text(encoding="utf-8")
    assert svg.rstrip() in command.read("deep/ladder.html")
    assert "draw the ladder          1 step in " in prices(command, "--ladder", "l.svg", "--underlying", "BTC").err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--ladder", "l.svg"), 2, "--ladder is drawn against the price of one underlying; give --underlying"),
        (("--ladder", "l.png"), 2, "--ladder was 'l.png', expected a file that ends in .svg or .html"),
        (("--underlying", "BTC"), 2, "--underlying is of the ladder; give --ladder too"),
        (("--valuation", "USDT"), 2, "--valuation is of the ladder; give --ladder too"),
        (
            ("--ladder", "l.svg", "--underlying", "BTC", "--engine", "reference"),
            2,
            "--ladder is drawn by the fast engine; leave --engine out",
        ),
        (
            ("--ladder", "l.svg", "--underlying", "XRP"),
            1,
            "underlying was 'XRP', on which no pool depends; there are BTC, ETH, SOL",
        ),
        (
            ("--along", "underlying", "--outputs", "below"),
            2,
            "--outputs is of positions; leave it out with --along underlying",
        ),
        (
            ("--along", "underlying", "--venue-rounded"),
            2,
            "--venue-rounded is of positions; leave it out with --along underlying",
        ),
        (
            ("--outputs", "price"),
            2,
            "--outputs: 'price' is no output; there are below, above, liquidation_price, bankruptcy_price, "
            "liquidatable, or all",
        ),
        (
            ("--outputs", "below,below"),
            2,
            "--outputs was 'below,below', expected names that occur once, separated by commas",
        ),
        (
            ("--engine", "reference", "--missing", "null"),
            2,
            "--engine reference refuses what is faulty; use it with --missing raise and --on-error raise",
        ),
        (("--out", "-", "--rejects", "-"), 2, "--out and --rejects were both standard output; give one of them a file"),
        (("--out", "p.txt"), 2, "the format of 'p.txt' is not known; give --format, one of csv, json, json-columns, "),
    ],
)
def test_prices_options_at_odds_are_refused(
    command: Command, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ran = prices(command, "--quiet", *arguments)
    assert (ran.code, ran.text) == (code, "")
    assert ran.err.startswith(f"crossmargin: error: {message}")
    assert not (command.folder / "l.svg").exists()


def test_prices_without_a_mark_names_it(command: Command) -> None:
    command.write("marks.json", "{}")
    ran = prices(command, "--quiet")
    assert (ran.code, ran.text) == (1, "")
    assert "no mark price for held instruments: BTCUSDT, ETHUSDT, SOLUSDT" in ran.err


def test_explain_liquidation_price_prints_the_equation(command: Command) -> None:
    ran = command(
        "explain", "--preset", "binance-usdm", *TABLES, "--account", "ann", "--liquidation-price", "BTCUSDT", "--quiet"
    )
    first = ran.text.splitlines()[0]
    assert first.endswith("at BTCUSDT 49,637.751004, its liquidation price (mark 62,000)")
