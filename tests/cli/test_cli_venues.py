"""``crossmargin venues``: presets listed, shown, and market files checked."""

import pytest

import crossmargin as xm
from cli.running import Command

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
        "sources            5",
        "inferred           trigger",
        "from restatements  none",
        "chosen here        initial_margin, maintenance_margin, tiers, withdrawable",
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
