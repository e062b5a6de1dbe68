"""``crossmargin score``: formats there and back, the two engines, and the exact text of what is refused."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crossmargin as xm
from cli.running import Command, agree
from crossmargin.cli.formats import FORMATS, SUFFIX
from crossmargin.cli.readers import read_table
from crossmargin.cli.writers import write_table

PRESETS = sorted(set(xm.presets()["preset"]))
DECISIONS = """\
account,kind,asset,instrument,side,liquidatable
ann,cross,USDT,,,false
bob,cross,USDT,,,true
cleo,cross,USDT,,,false
cleo,isolated,USDT,SOLUSDT,net,false
"""


def fault(code: int, text: str) -> tuple[int, str, str]:
    return code, "", f"crossmargin: error: {text}\n"


def failed(command: Command, *arguments: str, stdin: bytes = b"", **files: str | None) -> tuple[int, str, str]:
    ran = command.score("--quiet", *arguments, stdin=stdin, **files)
    return ran.code, ran.text, ran.err


# what comes out


def test_score_small_book_gives_the_figures_of_the_rules(command: Command) -> None:
    ran = command.score("--outputs", "all", "--format", "jsonl", "--quiet")
    rows = [json.loads(line) for line in ran.text.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    # ann: 5,000 + 0.5 * 2,000 + 2 * 150, against 0.4 % of 31,000 and of 4,900; bob has lost all that he had
    assert [row["equity"] for row in rows] == [6300.0, 0.0, 175.0, 35.0]
    assert [row["maintenance_margin"] for row in rows] == [143.6, 49.6, 0.0, 7.3]
    assert [row["venue_ratio"] for row in rows[1:3]] == ["Infinity", 0.0]
    assert [row["liquidatable"] for row in rows] == [False, True, False, False]


def test_score_outputs_named_gives_these_in_their_order(command: Command) -> None:
    assert command.score("--outputs", "liquidatable", "--quiet").text == DECISIONS


def test_score_summary_says_rules_counts_and_verdicts(command: Command) -> None:
    assert command.score("--out", "scores.csv").err.splitlines()[-4:] == [
        "rules   binance-usdm/2024-10-01 (unofficial)",
        "book    3 accounts, 4 pools, 4 positions",
        "scores  0 decided by exact arithmetic; 1 pool liquidatable",
        "margin ratio  least 0, lowest tenth below 0, median 4.795",
    ]


def test_score_without_positions_gives_the_balances(command: Command) -> None:
    ran = command.score("--outputs", "equity", "--quiet", positions=None)
    assert ran.text.splitlines()[1:] == ["ann,cross,USDT,,,5000.0", "bob,cross,USDT,,,900.0", "cleo,cross,USDT,,,250.0"]


def test_score_market_file_applies_its_rules(command: Command) -> None:
    command.write("mine.toml", 'extends = "binance-usdm/2024-10-01"\npreset = "mine"\nas_of = 2024-10-01\n')
    ran = command.score("--outputs", "liquidatable", preset=None, market="mine.toml")
    assert ran.text == DECISIONS
    assert "rules   mine/2024-10-01\n" in ran.err


def test_score_ccxt_tiers_replace_the_presets(command: Command) -> None:
    tier = {"minNotional": 0, "maxNotional": 1e6, "maintenanceMarginRate": 0.1, "maxLeverage": 10}
    command.write("tiers.json", json.dumps({"SOL/USDT:USDT": [tier]}))
    ran = command.score("--outputs", "maintenance_margin", "--quiet", "--tiers", "tiers.json")
    assert ran.text.splitlines()[-1] == "cleo,isolated,USDT,SOLUSDT,net,146.0"


def test_score_quantity_in_base_divides_by_the_contract_size(command: Command) -> None:
    market = 'extends = "binance-usdm/2024-10-01"\npreset = "mine"\nas_of = 2024-10-01\n[[instrument]]\n'
    market += 'name = "SMALL"\nbase = "BTC"\nquote = "USDT"\nsettle = "USDT"\npayoff = "linear"\n'
    market += 'contract_size = 0.001\ntiers = "BTCUSDT"\n'
    command.write("mine.toml", market)
    command.write("positions.csv", "account,instrument,quantity,entry_price\nann,SMALL,0.5,60000\n")
    command.write("marks.json", '{"SMALL": 62000}')
    options = ("--quantity-unit", "base", "--outputs", "notional,unrealized_pnl", "--quiet")
    for engine in ("fast", "reference"):
        ran = command.score(*options, "--engine", engine, preset=None, market="mine.toml")
        assert ran.text.splitlines()[1] == "ann,cross,USDT,,,31000.0,1000.0", (engine, ran.err)


def test_score_missing_null_marks_the_pools_without_a_price(command: Command) -> None:
    command.write("marks.json", '{"BTCUSDT": 62000, "ETHUSDT": 2450}')
    ran = command.score("--missing", "null", "--outputs", "excess")
    assert ran.text.splitlines()[-2:] == ["cleo,cross,USDT,,,175.0,false", "cleo,isolated,USDT,SOLUSDT,net,,true"]
    assert "scores  0 decided by exact arithmetic; 1 pool without a price\n" in ran.err


def test_score_valuation_states_accounts_in_the_asset(command: Command) -> None:
    command.write("balances.csv", "account,asset,wallet_balance\nann,USDC,100\nann,USDT,30\n")
    command.write("index.csv", "asset,index_price\nUSDC,2\n")
    options = ("--index", "index.csv", "--accounts-out", "accounts.csv", "--valuation", "USDC", "--quiet")
    assert command.score(*options, positions=None).code == 0
    row = next(csv.DictReader(io.StringIO(command.read("accounts.csv"))))
    assert (row["account"], row["equity"], row["n_pools"]) == ("ann", "115.0", "2")


def test_score_duplicates_merge_adds_the_rows(command: Command) -> None:
    header = "account,instrument,quantity,entry_price\n"
    command.write("positions.csv", header + "ann,BTCUSDT,0.5,60000\nann,BTCUSDT,0.5,64000\n")
    ran = command.score("--duplicates", "merge", "--outputs", "unrealized_pnl", "--positions-out", "p.csv", "--quiet")
    assert ran.text.splitlines()[1] == "ann,cross,USDT,,,0.0"
    assert command.read("p.csv").splitlines()[1].startswith("0,ann,BTCUSDT,net,cross,1.0,62000.0,USDT,62000.0,0.0,,")


# the two engines


@pytest.mark.parametrize("workload", ["R1", "retail"])
def test_score_reference_engine_agrees_with_the_fast_one(command: Command, workload: str) -> None:
    drawn = command("synth", workload, "--accounts", "300", "--seed", "11", "--out", "book", "--quiet").text.split()
    command.write("index.json", '{"USDC": 0.999}')
    files = {}
    for engine in ("fast", "reference"):
        files[engine] = [f"{engine}-{name}.parquet" for name in ("pools", "positions", "accounts")]
        pools, positions, accounts = files[engine]
        results = ["--out", pools, "--positions-out", positions, "--accounts-out", accounts]
        index = ["--index", "index.json"] if workload == "retail" else []
        ran = command(*drawn[1:-2], "--engine", engine, "--outputs", "all", *results, *index)
        assert ran.code == 0, ran.err
    for fast, reference in zip(files["fast"], files["reference"], strict=True):
        agree(read_table(fast, "fast").columns, read_table(reference, "reference").columns)


# formats


@pytest.fixture
def table() -> xm.Table:
    return xm.Table(
        {
            "account": ["a,1", 'quo"te', "żółw\n"],
            "instrument": ["BTCUSDT", None, "ETHUSDT"],
            "quantity": [0.1, -1e-300, np.nan],
            "entry_price": [1.7976931348623157e308, 5e-324, 0.1 + 0.2],
        }
    )


@pytest.mark.parametrize("format_", FORMATS)
def test_formats_written_and_read_give_the_same_table(table: xm.Table, format_: str, tmp_path: Path) -> None:
    file = str(tmp_path / "deep" / f"table{SUFFIX[format_]}")
    write_table(table, file, format_)
    back = read_table(file, "table")
    assert back.names == list(table.columns)
    # a CSV file cannot tell that an account ends in a line break
    accounts = [account.strip() for account in table["account"]] if format_ == "csv" else table["account"].tolist()
    assert back.values("account") == accounts
    assert back.values("instrument") == ["BTCUSDT", None, "ETHUSDT"]
    assert back.values("quantity") == [0.1, -1e-300, None]
    assert back.values("entry_price") == table["entry_price"].tolist()


@pytest.mark.parametrize("format_", FORMATS)
def test_score_through_pipes_gives_the_same_in_every_format(command: Command, format_: str) -> None:
    balances = xm.Table({name: read_table("balances.csv", "b").values(name) for name in ("account", "asset")})
    balances = xm.Table(balances.to_dict() | {"wallet_balance": [5000.0, 900.0, 250.0]})
    write_table(balances, "piped", format_)
    data = (command.folder / "piped").read_bytes()
    options = ("--format", format_, "--outputs", "liquidatable", "--quiet")
    ran = command.score(*options, stdin=data, balances="-")
    assert (ran.code, ran.err) == (0, "")
    (command.folder / "out").write_bytes(ran.out)
    scored = read_table("out", "scores", format_)
    flags = [flag if isinstance(flag, bool) else flag == "true" for flag in scored.values("liquidatable")]
    assert flags == [False, True, False, False]


def test_read_arrow_stream_is_read_as_the_file_is(command: Command) -> None:
    pa = pytest.importorskip("pyarrow")
    rows = pa.table(
        {"account": [1, 2], "asset": pa.array(["USDT", "USDC"]).dictionary_encode(), "wallet_balance": [1, 2]}
    )
    with pa.ipc.new_stream("b.arrow", rows.schema) as writer:
        writer.write_table(rows)
    ran = command.score("--outputs", "equity", "--quiet", balances="b.arrow", positions=None)
    assert ran.text.splitlines()[1:] == ["1,cross,USDT,,,1.0", "2,cross,USDC,,,2.0"]


def test_read_json_numbers_as_text_are_read(command: Command) -> None:
    command.write("b.json", json.dumps({"account": [7], "asset": ["USDT"], "wallet_balance": ["0.10"]}))
    ran = command.score("--outputs", "equity", "--quiet", balances="b.json", positions=None)
    assert ran.text.splitlines()[1] == "7,cross,USDT,,,0.1"


@pytest.mark.parametrize(
    ("balances", "positions", "accounts"),
    [
        (("1", "2"), ("2", "1"), [1, 2]),
        (("1", "2"), ("x", "2"), ["1", "2", "x"]),
        (("007", "7"), ("7", "007"), ["007", "7"]),
        (("9223372036854775808", "1"), ("1", "1"), ["9223372036854775808", "1"]),
    ],
)
def test_csv_accounts_are_integers_where_all_are(command: Command, balances, positions, accounts) -> None:
    head = "account,asset,wallet_balance\n"
    command.write("balances.csv", head + "".join(f"{account},USDT,1\n" for account in balances))
    rows = zip(positions, ("BTCUSDT", "ETHUSDT"), strict=True)
    head = "account,instrument,quantity,entry_price\n"
    command.write("positions.csv", head + "".join(f"{account},{name},1,1\n" for account, name in rows))
    ran = command.score("--quiet", "--format", "jsonl")
    assert [json.loads(line)["account"] for line in ran.text.splitlines()] == accounts


def test_csv_accounts_beside_typed_ones_take_their_type(command: Command) -> None:
    command.write("balances.json", '[{"account": "17", "asset": "USDT", "wallet_balance": 1}]')
    command.write("positions.csv", "account,instrument,quantity,entry_price\n17,BTCUSDT,1,62000\n")
    ran = command.score("--quiet", "--format", "jsonl", balances="balances.json")
    assert [json.loads(line)["account"] for line in ran.text.splitlines()] == ["17"]


def test_csv_with_byte_order_mark_blank_lines_and_spaces_is_read(command: Command) -> None:
    command.write("balances.csv", "\ufeffaccount, asset ,wallet_balance\r\n\r\n a , USDT , 1.5 \r\n\r\n")
    ran = command.score("--quiet", "--outputs", "equity", positions=None)
    assert ran.text.splitlines()[1] == "a,cross,USDT,,,1.5"


# faults: exit code, nothing on standard output, one line


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "positions.csv",
            "account,instrument,quantity,entry_price\nann,BTCUSDT,two,1\n",
            "positions.quantity[0] was 'two', expected a number; correct line 2 of positions.csv",
        ),
        (
            "positions.csv",
            "account,instrument,quantity,entry_price\n\nann,BTCUSDT,1_0,1\n",
            "positions.quantity[0] was '1_0', expected a number; correct line 3 of positions.csv",
        ),
        (
            "positions.csv",
            "account,instrument,quantity,entry_price\nann,BTCUSDT,1\n",
            "row 0 of positions had 3 cells, expected 4 as in the header; correct line 2 of positions.csv",
        ),
        (
            "positions.csv",
            "account,account,quantity,entry_price\n",
            "positions.account came twice; give each column once",
        ),
        (
            "positions.csv",
            "account,instrument,quantity,entry_price\nann,BTCUSDT,,1\n",
            "positions.quantity[0] was null: give a finite number",
        ),
        (
            "positions.csv",
            "account,instrument,quantity,entry_price,levrage\nann,BTCUSDT,1,1,1\n",
            (
                "positions.levrage is no column of this table; did you mean leverage? it has account, instrument, "
                "quantity, entry_price, leverage, margin_mode, isolated_margin, position_side, tier_version, tier"
            ),
        ),
        (
            "balances.csv",
            "account,asset\nann,USDT\n",
            "balances.wallet_balance is missing; balances needs account, asset, wallet_balance",
        ),
        (
            "marks.json",
            "{",
            "marks was not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("marks.json", "[1]", "row 0 of marks was 1, expected an object by column"),
        ("marks.json", '{"BTCUSDT": "x"}', "marks[BTCUSDT] was 'x', expected a positive number"),
        (
            "marks.json",
            '{"BTCUSDT": null}',
            "marks[BTCUSDT] was null, expected a positive number; give it a price, or leave the name out",
        ),
        ("marks.json", '{"BTCUSDT": -1}', "mark[BTCUSDT] was -1, expected a positive number within 2^-256 and 2^256"),
        ("marks.json", '[{"instrument": "BTCUSDT"}]', "marks.mark_price is missing; marks has instrument"),
        (
            "marks.json",
            '[{"instrument": "A", "mark_price": 1}, {"instrument": "A", "mark_price": 1}]',
            "marks.instrument[1] was 'A', which came before; give each name once",
        ),
        (
            "marks.json",
            '{"BTCUSDT": 1}',
            "no mark price for held instruments: ETHUSDT, SOLUSDT; give them, or score the rest with --missing null",
        ),
    ],
)
def test_score_faulty_table_says_place_value_and_cure(command: Command, file: str, text: str, message: str) -> None:
    command.write(file, text)
    assert failed(command) == fault(1, message)


def test_score_into_folders_that_are_missing_makes_them(command: Command) -> None:
    assert command.score("--out", "a/b/pools.csv", "--accounts-out", "c/accounts.csv", "--quiet").code == 0
    assert (command.folder / "a/b/pools.csv").exists()
    assert (command.folder / "c/accounts.csv").exists()


def test_score_many_faults_names_three_and_where_the_rest_are(command: Command) -> None:
    rows = "".join(f"ann,I{row},1,1\n" for row in range(5))
    command.write("positions.csv", "account,instrument,quantity,entry_price\n" + rows)
    code, out, err = failed(command, "--rejects", "faults.jsonl")
    assert (code, out) == (1, "")
    assert err.endswith("; and 2 more (--rejects FILE lists them)\n")
    faults = [json.loads(line) for line in command.read("faults.jsonl").splitlines()]
    assert [(each["account"], each["row"], each["value"]) for each in faults] == [("ann", n, f"I{n}") for n in range(5)]


def test_score_on_error_reject_lists_accounts_past_the_faults_kept(command: Command) -> None:
    rows = "".join(f"{row},NONE,1,1\n" for row in range(1, 1_101))
    command.write("positions.csv", "account,instrument,quantity,entry_price\n" + rows)
    command.write("balances.csv", "account,asset,wallet_balance\n5000,USDT,1\n")
    ran = command.score("--on-error", "reject", "--rejects", "faults.csv")
    assert ran.code == 0
    assert "; 1,100 accounts rejected for 1,100 faults;" in ran.err
    faults = list(csv.DictReader(io.StringIO(command.read("faults.csv"))))
    assert [each["account"] for each in faults] == [str(row) for row in range(1, 1_101)]
    assert (faults[-1]["row"], faults[-1]["cure"]) == ("-1", "correct the faults listed, then look again")


@pytest.mark.parametrize(
    ("arguments", "files", "message"),
    [
        ((), {"balances": "no.csv"}, "balances could not be read from no.csv: no such file or directory"),
        ((), {"balances": "."}, None),
        ((), {"preset": "nowhere"}, f'preset: was "nowhere", expected one of {", ".join(PRESETS)}'),
        (
            (),
            {"preset": None, "market": "no.toml"},
            "market could not be read from no.toml: no such file or directory",
        ),
        (("--out", "marks.json/x.csv"), {}, None),
        (
            ("--tiers", "marks.json"),
            {},
            "tiers['BTCUSDT'] was of type int, expected a list of tiers",
        ),
        (
            ("--accounts-out", "a.csv", "--valuation", "EUR"),
            {},
            'valuation was "EUR", which is no asset of the market',
        ),
    ],
)
def test_score_faulty_file_says_which(command: Command, arguments, files, message) -> None:
    ran = failed(command, *arguments, **files)
    if message is None:  # the system's own words
        assert (ran[0], ran[2].count("\n")) in ((1, 1), (2, 1))
        assert "Traceback" not in ran[2]
    else:
        assert ran == fault(1, message)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_score_garbage_in_a_binary_file_says_so_in_one_line(command: Command, suffix: str) -> None:
    command.write(f"b{suffix}", "this is not it")
    code, out, err = failed(command, balances=f"b{suffix}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"crossmargin: error: balances in b{suffix} was not {suffix[1:]}: ")


@pytest.mark.parametrize(
    ("arguments", "files", "message"),
    [
        ((), {"balances": "-"}, "the format of standard input is not known; give --input-format, one of "),
        ((), {"balances": "b.txt"}, "the format of 'b.txt' is not known; give --input-format, one of "),
        (("--out", "s.txt"), {}, "the format of 's.txt' is not known; give --format, one of "),
        (
            ("--format", "csv"),
            {"balances": "-", "positions": "-"},
            "--balances and --positions were both standard input; give one of them a file",
        ),
        (
            ("--accounts-out", "-"),
            {},
            "--out and --accounts-out were both standard output; give one of them a file",
        ),
        (("--outputs", "excess,exces"), {}, "--outputs: 'exces' is no output; there are wallet_balance, "),
        (("--outputs", "excess,excess"), {}, "--outputs was 'excess,excess', expected names that occur once, "),
        (
            ("--as-of", "2024-10-01"),
            {"preset": None, "market": "m.toml"},
            "--as-of chooses among the files of a preset; give --preset, or leave it out",
        ),
        (("--valuation", "USDT"), {}, "--valuation is what --accounts-out is stated in; give that too"),
        (
            ("--engine", "reference", "--missing", "null"),
            {},
            "--engine reference refuses what is faulty; use it with --missing raise and --on-error raise",
        ),
    ],
)
def test_score_options_at_odds_are_refused_with_code_2(command: Command, arguments, files, message) -> None:
    code, out, err = failed(command, *arguments, **files)
    assert (code, out) == (2, "")
    assert err.startswith(f"crossmargin: error: {message}")


def test_score_reference_refuses_what_the_engine_refuses(command: Command) -> None:
    command.write("positions.csv", "account,instrument,quantity,entry_price\nann,BTCUSDT,0,1\n")
    message = "positions.quantity[0] was 0.0, expected a number other than 0; leave the row out"
    assert failed(command, "--engine", "reference") == fault(1, message)
    command.write("positions.csv", "account,instrument,quantity,entry_price,levrage\nann,BTCUSDT,1,1,1\n")
    message = "positions.levrage is no column that the reference knows; leave it out"
    assert failed(command, "--engine", "reference") == fault(1, message)


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_formats_without_pyarrow_say_how_to_get_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = (
        f"{format_} needs pyarrow, which is not installed; pip install 'crossmargin[io]', or use csv, json or jsonl"
    )
    assert failed(command, "--out", f"s.{format_}") == fault(1, message)
    assert failed(command, balances=f"s.{format_}") == fault(1, message)


def test_score_refused_call_writes_nothing(command: Command) -> None:
    command.write("marks.json", "{}")
    assert failed(command, "--out", "s.csv", "--accounts-out", "a.csv")[0] == 1
    assert not (command.folder / "s.csv").exists()
    assert not (command.folder / "a.csv").exists()


# the command as a process


def test_command_as_process_prints_scores_and_exits(command: Command) -> None:
    options = ["--preset", "binance-usdm", "--balances", "balances.csv", "--positions", "-", "--marks", "marks.json"]
    ran = subprocess.run(
        [sys.executable, "-m", "crossmargin.cli", "score", *options, "--format", "csv", "--outputs", "liquidatable"],
        input=command.read("positions.csv"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == DECISIONS
    assert ran.stderr.splitlines()[-1] == "scores  0 decided by exact arithmetic; 1 pool liquidatable"


def test_command_whose_reader_leaves_ends_quietly(command: Command) -> None:
    command("synth", "R1", "--accounts", "5000", "--out", ".", "--quiet")
    options = "--market market.toml --balances balances.csv --positions positions.csv --marks marks.csv"
    line = f"{sys.executable} -m crossmargin.cli score {options} --outputs all --quiet | head -1"
    ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("account,kind,asset")
    assert ran.stderr == ""
