"""What the subcommands share, and those beside ``score``: ``demo``, ``synth``, ``presets``."""

import re
import subprocess
import sys

import pytest

import crossmargin as xm
from cli.running import Command
from crossmargin.cli.readers import read_table
from crossmargin.cli.terminal import Progress

TIME = re.compile(r" *[\d.]+ (?:ns|us|ms|s)\b")


def test_command_version_and_help_exit_with_0(command: Command) -> None:
    assert command("--version").text == f"crossmargin {xm.__version__}\n"
    ran = command("score", "--help")
    assert ran.code == 0
    assert ran.text.startswith("usage: crossmargin score ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "crossmargin: error: the following arguments are required: COMMAND"),
        (("score",), "crossmargin score: error: the following arguments are required: --balances"),
        (("demo", "--accounts", "0"), "crossmargin demo: error: argument --accounts: was 0, expected at least 1"),
        (("demo", "--seed", "x"), "crossmargin demo: error: argument --seed: was 'x', expected an integer"),
        (
            ("synth", "R1", "--out", "o", "--preset", "textbook"),
            "crossmargin: error: --preset is for retail accounts; R1 has a market of its own",
        ),
    ],
)
def test_command_faulty_options_exit_with_2(command: Command, arguments, message) -> None:
    ran = command(*arguments)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err.splitlines()[-1] == message


def test_command_import_leaves_heavy_modules_out() -> None:
    code = "import sys, crossmargin.cli; print(sorted({'pyarrow', 'rich', 'crossmargin.testing'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_presets_lists_every_shipped_preset(command: Command) -> None:
    ran = command("presets", "--format", "csv")
    listed = [tuple(line.split(",")[:2]) for line in ran.text.splitlines()[1:]]
    shipped = xm.presets()
    assert listed == list(zip(shipped["preset"], shipped["as_of"], strict=True))


@pytest.mark.parametrize("workload", ["R1", "retail"])
@pytest.mark.parametrize("format_", ["csv", "arrow"])
def test_synth_prints_the_command_that_scores_it(command: Command, workload: str, format_: str) -> None:
    drawn = command("synth", workload, "--accounts", "50", "--seed", "3", "--out", "book", "--format", format_)
    assert drawn.code == 0, drawn.err
    printed = drawn.text.split()
    assert printed[:2] == ["crossmargin", "score"]
    ran = command(*printed[1:], "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert len(set(read_table(printed[-1], "scores").values("account"))) == 50


def test_synth_same_seed_writes_the_same_bytes(command: Command) -> None:
    for folder in ("one", "two"):
        command("synth", "retail", "--accounts", "20", "--seed", "3", "--out", folder, "--quiet")
    for table in ("balances", "positions", "marks"):
        assert command.read(f"one/{table}.csv") == command.read(f"two/{table}.csv")


def test_synth_preset_without_marks_is_refused(command: Command) -> None:
    ran = command("synth", "retail", "--out", "book", "--preset", "none", "--quiet")
    assert (ran.code, ran.text) == (1, "")


# the demo


def demo(command: Command) -> list[str]:
    ran = command("demo", "--accounts", "2000", "--seed", "1", "--out", "out", "--threads", "1", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    return ran.text.splitlines()


def test_demo_prints_counts_times_and_rules(command: Command) -> None:
    head = [TIME.sub(" TIME", line) for line in demo(command)[1:14]]
    assert head == [
        "2,000 accounts scored in TIME",
        "",
        "rules         binance-usdm/2024-10-01: Binance USD-M futures, single-asset mode",
        "              Unofficial: facts from public documents; no venue is affiliated with crossmargin.",
        "book          retail accounts drawn from seed 1, at round prices of early October 2024",
        "accounts             2,000",
        "positions            5,224",
        "pools                3,340   cross per asset, isolated per position",
        "liquidatable            14   0.419% of the pools",
        "exact path               0   too close to call in floating point, decided in exact arithmetic",
        "book built TIME   checked, sorted and grouped into pools",
        head[11],  # told below: it names the processor
        "                             excess, margin ratio and verdict of every pool; best of repeated runs",
    ]
    assert re.fullmatch(r"scored TIME TIME per position; up to 1 thread, (baseline|avx2|avx512)", head[11])


def test_demo_lines_fit_a_page_and_the_histogram_counts_every_pool(command: Command) -> None:
    lines = demo(command)
    assert max(map(len, lines)) <= 100
    bars = [line for line in lines if re.search(r"\d+\.\d\d%(  |$)", line)]
    assert sum(int(re.search(r" ([\d,]+) +\d+\.\d\d%", line)[1].replace(",", "")) for line in bars) == 3_340
    assert len(bars) == 13


def test_demo_shows_the_accounts_nearest_to_liquidation(command: Command) -> None:
    lines = demo(command)
    at = next(row for row, line in enumerate(lines) if line.startswith("Nearest to liquidation"))
    accounts = [line for line in lines[at + 2 :] if re.match(r"  \d", line)]
    ratios = [float(line.split()[3]) for line in accounts]
    assert len(accounts) == 10
    assert ratios == sorted(ratios)
    assert min(ratios) >= 1
    assert all(re.match(r" {8}\w+ +(long|short) ", line) for line in lines[at + 3 :] if line.startswith(" " * 8))


def test_demo_writes_all_outputs_as_arrow(command: Command) -> None:
    lines = demo(command)
    assert lines[-1] == "All 14 outputs of all pools are in out/scores.arrow"
    scores = read_table("out/scores.arrow", "scores")
    assert scores.names == ["account", "kind", "asset", "instrument", "side", *xm.OUTPUTS]
    assert len(scores) == 3_340
    assert sum(scores.values("liquidatable")) == 14


def test_demo_without_pyarrow_says_how_to_get_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ran = command("demo", "--accounts", "10", "--quiet")
    assert (ran.code, ran.text) == (1, "")
    assert ran.err.startswith("crossmargin: error: the demo needs pyarrow, which is not installed; ")


# progress


class Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_progress_on_a_terminal_reports_with_and_without_rich(monkeypatch: pytest.MonkeyPatch, rich: bool) -> None:
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    terminal = Terminal()
    with Progress(stream=terminal).step("score") as step:
        step.detail = "4 pools"
    assert re.search(r"score                    4 pools in [\d.]+ [num]?s\n$", terminal.text)


def test_progress_of_a_failed_step_reports_nothing() -> None:
    terminal = Terminal()
    terminal.isatty = lambda: False
    with pytest.raises(KeyError), Progress(stream=terminal).step("score"):
        raise KeyError
    assert terminal.text == ""
