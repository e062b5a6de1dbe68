"""Files of any contents: a message in one line or a result, never a traceback."""

import json
import random

import pytest

from cli.running import Command

SEED = 20_241_001
CELLS = [
    *(None, True, 0, -1, 7, 2**63, 2**70, 0.5, -0.0, 1e-300, 1e300, float("nan"), float("inf"), -float("inf")),
    *("", " ", "ann", "bob", "USDT", "BTCUSDT", "1e5", "0x1", "nan", "1_000", "cross", "isolated", "long", "short"),
    *("\ud800", "a\nb", "\0", "ż" * 500, [], [1], {}, {"a": 1}),
]
COLUMNS = ["account", "asset", "wallet_balance", "instrument", "quantity", "entry_price", "leverage", "margin_mode"]
COLUMNS += ["isolated_margin", "position_side", "mark_price", "bonus", "", "\ud800"]


def document(rng: random.Random) -> object:
    """Draw something that is nearly a table."""
    names = rng.sample(COLUMNS, rng.randint(0, 6))
    shape = rng.randrange(5)
    if shape == 0:
        return rng.choice(CELLS)
    if shape == 1:
        return {name: [rng.choice(CELLS) for _ in range(rng.randint(0, 3))] for name in names}
    if shape == 2:
        return {name: rng.choice(CELLS) for name in names}
    rows = [{name: rng.choice(CELLS) for name in names} for _ in range(rng.randint(0, 4))]
    return rows if shape == 3 else [*rows, rng.choice(CELLS)]


def nearly(rng: random.Random, columns: dict[str, list[object]]) -> object:
    """Take a good table and spoil a cell, a length, or a name."""
    columns = {name: list(values) for name, values in columns.items()}
    name = rng.choice(list(columns))
    spoil = rng.randrange(3)
    if spoil == 0:
        columns[name][rng.randrange(len(columns[name]))] = rng.choice(CELLS)
    elif spoil == 1:
        columns[name].pop()
    else:
        columns[rng.choice(COLUMNS)] = columns.pop(name)
    return columns


GOOD = {
    "balances": {"account": ["ann", "bob"], "asset": ["USDT", "USDT"], "wallet_balance": [10, 20]},
    "positions": {
        "account": ["ann", "bob"],
        "instrument": ["BTCUSDT", "ETHUSDT"],
        "quantity": [1, -1],
        "entry_price": [60_000, 2_400],
        "leverage": [10, 20],
        "margin_mode": ["cross", "isolated"],
        "position_side": ["net", "short"],
    },
    "marks": {"instrument": ["BTCUSDT", "ETHUSDT"], "mark_price": [62_000, 2_450]},
}


@pytest.mark.parametrize(("engine", "n_cases"), [("fast", 400), ("reference", 80)])
def test_score_any_json_gives_a_result_or_one_line(command: Command, engine: str, n_cases: int) -> None:
    rng = random.Random(SEED)
    for case in range(n_cases):
        tables = dict(GOOD)
        spoilt = rng.choice(list(tables))
        tables[spoilt] = document(rng) if rng.random() < 0.3 else nearly(rng, tables[spoilt])
        for name, table in tables.items():
            command.write(f"{name}.json", json.dumps(table))
        files = {name: f"{name}.json" for name in tables}
        ran = command.score("--quiet", "--engine", engine, "--format", "csv", "--accounts-out", "a.csv", **files)
        assert ran.code in (0, 1), (case, ran.err)
        assert ran.err.count("\n") == ran.code, (case, ran.err)


@pytest.mark.parametrize("name", ["balances.csv", "positions.csv", "marks.json", "b.jsonl", "b.parquet", "b.arrow"])
def test_score_any_bytes_give_a_result_or_one_line(command: Command, name: str) -> None:
    rng = random.Random(SEED)
    table = name.split(".", maxsplit=1)[0] if not name.startswith("b.") else "balances"
    if not (command.folder / name).exists():
        command("synth", "retail", "--accounts", "3", "--format", name.split(".")[1], "--out", ".", "--quiet")
        good = (command.folder / f"balances.{name.split('.')[1]}").read_bytes()
    else:
        good = (command.folder / name).read_bytes()
    for case in range(100):
        data = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(data))
            data[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        (command.folder / name).write_bytes(bytes(data) if case % 10 else rng.randbytes(rng.randint(0, 200)))
        ran = command.score("--quiet", "--format", "csv", **{table: name})
        assert ran.code in (0, 1), (case, ran.err)
        assert ran.err.count("\n") == ran.code, (case, ran.err)
