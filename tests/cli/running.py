"""A command run in this process, and small tables for it to read."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from crossmargin.cli import main

BALANCES = """\
account,asset,wallet_balance
ann,USDT,5000
bob,USDT,900
cleo,USDT,250
"""
POSITIONS = """\
account,instrument,quantity,entry_price,leverage,margin_mode
ann,BTCUSDT,0.5,60000,10,cross
ann,ETHUSDT,-2,2600,10,cross
bob,BTCUSDT,0.2,66500,20,cross
cleo,SOLUSDT,10,150,20,isolated
"""
MARKS = '{"BTCUSDT": 62000, "ETHUSDT": 2450, "SOLUSDT": 146}\n'


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Command:
    """Runs the command with streams of its own, in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.write("balances.csv", BALANCES)
        self.write("positions.csv", POSITIONS)
        self.write("marks.json", MARKS)
        monkeypatch.chdir(folder)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ran:
        out, err = io.BytesIO(), io.BytesIO()
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
            stderr = io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace", write_through=True)
            patch.setattr(sys, "stderr", stderr)
            code = main(arguments)
            sys.stdout.flush()
            return Ran(code, out.getvalue(), err.getvalue().decode())

    def score(self, *arguments: str, stdin: bytes = b"", **files: str | None) -> Ran:
        """Score the small tables; a file may be replaced by name, or left out by None."""
        chosen = {"preset": "binance-usdm", "balances": "balances.csv", "positions": "positions.csv"}
        chosen |= {"marks": "marks.json"} | files
        options = [part for name, file in chosen.items() if file is not None for part in (f"--{name}", file)]
        return self("score", *options, *arguments, stdin=stdin)


def agree(fast, reference) -> None:
    """Keys, counts and verdicts are equal; amounts agree to the last digits of the largest number that went in."""
    assert fast.schema == reference.schema
    assert len(fast) > 0
    for name in fast.column_names:
        left, right = fast[name], reference[name]
        if str(left.type) != "double":
            assert left.equals(right), name
            continue
        assert left.is_null().equals(right.is_null()), name
        a, b = (column.fill_null(0).to_numpy() for column in (left, right))
        # cancellation: an excess of cents can be left of thousands of dollars
        assert np.allclose(a, b, rtol=1e-9, atol=1e-6), name
