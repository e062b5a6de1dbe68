"""lrvx: its liquidation engine on cross accounts, a mark at a time.

The engine walks all accounts at every mark. An account keeps the marks that it was fed, its margin is one rate of its
whole notional, by one table of tiers for all instruments: with the first rate of R1 it answers for pools whose
positions all lie in their first tier. It acts on what it finds: the positions of an account that fails are closed, the
worst first, until the rest can stand. ``lrvx_worker.py FOLDER`` reads the columns of a book and paths from files of
plain numbers, and writes JSON: which of the first `N_CHECKED` pools fail at the marks of ``stressed.mark``, and the
nanoseconds of each frame of the paths named in ``lrvx.paths``, on all pools. The paths are short, so that accounts keep
few marks: each that is kept makes the next frame slower.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import lrvx
import numpy as np

FIRST_RATE = 0.004
N_CHECKED = 10_000


class Book:
    """The columns of a book, and engines made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = np.fromfile(folder / "mark", "<f8")
        self._wallet = np.fromfile(folder / "balances.wallet_balance", "<f8").tolist()
        owner = np.fromfile(folder / "positions.account", "<i8")
        self._ends = np.searchsorted(owner, np.fromfile(folder / "balances.account", "<i8"), side="right").tolist()
        columns = (("instrument", "<i8"), ("quantity", "<f8"), ("entry_price", "<f8"))
        self._rows = [np.fromfile(folder / f"positions.{name}", kind).tolist() for name, kind in columns]

    def engine(self, n_pools: int | None = None) -> tuple[Any, list[Any]]:
        """Attach an account per pool, with the marks of what it holds; of the first pools where a number is given."""
        engine = lrvx.LiquidationEngine()
        engine.add_tier(0.0, FIRST_RATE)
        engine.set_adl_enabled(enabled=False)
        accounts = list(islice(self._accounts(), n_pools))
        for account in accounts:
            engine.attach_account(account)
        return engine, accounts  # the engine borrows them

    def _accounts(self) -> Iterator[Any]:
        marks = self.mark.tolist()
        instrument, quantity, entry = self._rows
        for number, (first, last) in enumerate(pairwise([0, *self._ends])):
            account = lrvx.Account(number, self._wallet[number])
            account.set_margin_mode("cross")
            for row in range(first, last):
                account.open_position(instrument[row], quantity[row], entry[row])
                account.set_mark(instrument[row], marks[instrument[row]])
            yield account


def _failing(book: Book) -> list[int]:
    engine, accounts = book.engine(N_CHECKED)
    marks = np.fromfile(book.folder / "stressed.mark", "<f8")
    outcome = engine.on_marks(list(enumerate(marks.tolist())))
    del accounts
    return sorted(set(outcome["liquidated"]))


def _times(folder: Path, engine: Any, path: str) -> list[int]:
    at = np.fromfile(folder / f"{path}.at", "<u4").tolist()
    price = np.fromfile(folder / f"{path}.price", "<f8").tolist()
    times = []
    for instrument, mark in zip(at, price, strict=True):
        begin = time.perf_counter_ns()
        engine.on_mark(instrument, mark)
        times.append(time.perf_counter_ns() - begin)
    return times


def main() -> None:
    """Answer for the folder that is named."""
    book = Book(Path(sys.argv[1]))
    paths = (book.folder / "lrvx.paths").read_text(encoding="ascii").split()
    failing = _failing(book)
    begin = time.perf_counter()
    engine, accounts = book.engine()
    seconds = time.perf_counter() - begin
    times = {path: _times(book.folder, engine, path) for path in paths}
    answer = {
        "version": importlib.metadata.version("lrvx"),
        "failing": failing,
        "n_checked": min(N_CHECKED, len(accounts)),
        "build_seconds": seconds,
        "times_ns": times,
        "events": engine.liquidations_count(),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
