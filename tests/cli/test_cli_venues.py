"""``crossmargin venues``: presets listed, shown, and market files checked."""

import pytest

import crossmargin as xm
from cli.running import Command
from crossmargin.cli.readers import read_table

MINE = 'extends = "textbook/2020-01-01"\npreset = "mine"\nas_of = 2024-10-01\n'


def test_venues_list_is_that_of_presets(command: Command) -> None:
    for options in ((), ("--format", "csv")):
        listed = command("venues", "list", *options)
        assert (listed.code, listed.text) == (0, command("presets", *options).text)


def test_venues_check_says_what_a_file_holds(command: Command) -> None:
    source = '[source.trigger]\ntext = "the desk"\nevidence = "inferred"\n'
    command.write("mine.toml", MINE + source)
    ran = command("venues", "check", "mine.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.splitlines() == [
        "id                 mine/2024-10-01",
        "title              Neutral rules: a flat rate on entry notional, liquidation below maintenance",
        "assets             USDT",
        "instruments        3 (3 linear)",
        "tier tables        3 marginal",
        "sources            7",
        "inferred           trigger",
        "from restatements  none",
        "chosen here        admission, initial_margin, limits, maintenance_margin, tiers, withdrawable",
    ]


def test_venues_check_of_a_market_without_anything_in_it_is_done(command: Command) -> None:
    rules = '[pools]\ncross = "per_asset"\nisolated = true\n[trigger]\nzero_fails = true\n'
    rules += '[maintenance_margin]\nprice = "mark"\n[initial_margin]\nprice = "mark"\n'
    rules += '[display]\nvenue_ratio = "equity_over_maintenance"\n'
    command.write("empty.toml", 'schema = 1\npreset = "empty"\nas_of = 2024-10-01\n' + rules)
    ran = command("venues", "check", "empty.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.splitlines()[1:4] == ["assets             none", "instruments        0", "sources            0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINE + "[pools]\ncross = 1\n", "pools.cross: "),
        (MINE + "[trigger]\nlevel = -1\n", "trigger.level: was -1, expected "),
        ("\xff", "market in mine.toml was not UTF-8 text: "),
        (None, "market could not be read from mine.toml: no such file or directory"),
    ],
)
def test_venues_check_of_what_is_no_market_says_where(command: Command, text: str | None, message: str) -> None:
    if text is not None:
        (command.folder / "mine.toml").write_bytes(text.encode("latin-1"))
    ran = command("venues", "check", "mine.toml")
    assert (ran.code, ran.text, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith(f"crossmargin: error: {message}")


@pytest.mark.parametrize("name", dict.fromkeys(xm.presets()["preset"].tolist()))
def test_venues_show_gives_rules_and_sources_of_every_preset(command: Command, name: str) -> None:
    ran = command("venues", "show", name)
    market = xm.load_market(name)
    lines = ran.text.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert lines[0].split() == ["id", market.id]
    assert lines[-1].startswith("Unofficial: ")
    shown = {line.split()[0] for line in lines if line}
    assert {name for name, value in market.rules.items() if value is not None} <= shown
    assert set(market.sources["rule"]) <= shown


def test_venues_show_of_a_date_takes_that_file(command: Command) -> None:
    ran = command("venues", "show", "binance-usdm", "--as-of", "2024-12-31")
    assert ran.text.splitlines()[0].split() == ["id", "binance-usdm/2024-10-01"]
    assert command("venues", "show", "nowhere").code == 1


# two sets of rules


def test_venues_diff_shows_what_changed_and_who_says_so(command: Command) -> None:
    said = '[source.trigger]\ntext = "the desk"\nevidence = "chosen"\n'
    command.write("mine.toml", MINE)
    command.write("tight.toml", MINE.replace("mine", "tight") + "[trigger]\nlevel = 1.25\n" + said)
    ran = command("venues", "diff", "mine.toml", "tight.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.splitlines() == [
        "before  mine/2024-10-01",
        "after   tight/2024-10-01",
        "1 value differs",
        "",
        "path           before  after  source",
        "trigger.level  1       1.25   [1]",
        "",
        "[1] the desk",
        "",
        "Unofficial: facts from public documents; no venue is affiliated with crossmargin.",
    ]


def test_venues_diff_of_a_market_with_itself_shows_nothing(command: Command) -> None:
    ran = command("venues", "diff", "textbook", "textbook/2020-01-01")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.splitlines()[:4] == [
        "before  textbook/2020-01-01",
        "after   textbook/2020-01-01",
        "0 values differ",
        "",
    ]
    assert "path" not in ran.text


@pytest.mark.parametrize("backwards", [False, True])
def test_venues_diff_counts_what_is_said_of_an_instrument_that_only_one_has(command: Command, backwards: bool) -> None:
    coin = '[[instrument]]\nname = "XUSDT"\nbase = "X"\nquote = "USDT"\nsettle = "USDT"\ncontract_size = 2\n'
    coin += '[tiers.XUSDT]\nlaw = "flat"\nbounds = "quote"\nfloor = [0]\nmaintenance_rate = [0.25]\n'
    command.write("mine.toml", MINE)
    command.write("more.toml", MINE + coin)
    files = ["mine.toml", "more.toml"]
    ran = command("venues", "diff", *(reversed(files) if backwards else files))
    row = next(line for line in ran.text.splitlines() if line.startswith("instrument XUSDT"))
    assert row.split()[2:5] == (["9", "values", "-"] if backwards else ["-", "9", "values"])
    assert "tiers.XUSDT" not in ran.text
    table = command("venues", "diff", *files, "--format", "csv").text
    assert sum("XUSDT" in line for line in table.splitlines()) == 9


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_venues_diff_is_written_as_a_table(command: Command, format_: str) -> None:
    dates = ("bybit-uta/2025-02-19", "bybit-uta/2025-09-02")
    (command.folder / f"d.{format_}").write_bytes(command("venues", "diff", *dates, "--format", format_).out)
    table = read_table(f"d.{format_}", "changes")
    assert table.names == ["path", "instrument", "before", "after", "source"]
    assert {"path": "maintenance_margin.price", "before": "entry", "after": "mark"}.items() <= next(
        row for row in table.rows() if row["path"] == "maintenance_margin.price"
    ).items()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", 'preset: was "nope", expected one of '),
        ("mexc-usdm/2019-01-01", 'as_of: was 2019-01-01, before the first file of "mexc-usdm"; dated 2021-01-01'),
        ("mexc-usdm/x", 'as_of: was "x", expected a date such as '),
        ("gone.toml", "market could not be read from gone.toml: no such file or directory"),
    ],
)
def test_venues_diff_of_what_is_not_there_says_so(command: Command, name: str, message: str) -> None:
    ran = command("venues", "diff", "textbook", name)
    assert (ran.code, ran.text) == (1, "")
    assert ran.err.startswith(f"crossmargin: error: {message}")


@pytest.mark.parametrize("joint", ["@", ":", "-", " "])
def test_venues_diff_of_a_date_without_a_slash_says_the_form(command: Command, joint: str) -> None:
    ran = command("venues", "diff", f"bybit-uta{joint}2025-02-19", "bybit-uta/2025-09-02")
    assert (ran.code, ran.text) == (1, "")
    assert ran.err == (
        f"crossmargin: error: rules were 'bybit-uta{joint}2025-02-19', "
        "expected a preset, NAME/DATE as in bybit-uta/2025-02-19, or a market file\n"
    )
    assert command("venues", "diff", "nope@2025-02-19", "textbook").err.startswith(
        'crossmargin: error: preset: was "nope@2025-02-19", expected one of '
    )
