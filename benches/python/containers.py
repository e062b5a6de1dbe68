"""Build a book of every container that tables come in, and compare with a dict of NumPy arrays.

Each container holds the same rows and is checked to give the same bits before it is timed;
the timed call is ``Book(market, balances=..., positions=...)``. ``--fill`` writes the tables
into ``docs/containers.md``; ``--help`` lists the options for shorter runs.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import nanoarrow
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from arro3.core import Table as Arro3Table

import crossmargin as xm
from crossmargin.testing import Workload, reference_workload
from harness import machine
from harness.machine import ROOT

PAGE = ROOT / "docs" / "containers.md"
MARK = "<!-- measured -->\n"
END = "<!-- end -->"
CHUNK = 122_880  # rows of a chunk, as DuckDB's groups of rows
ROWS = 50_000  # accounts for containers of Python objects by row

Tables = Mapping[str, Mapping[str, Any]]
Convert = Callable[[Mapping[str, Any]], Any]

BASE = "dict of arrays"
KINDS = ("numbers", "named instruments", "named accounts", "named accounts in no order")
"""What keys are: places and integers; names of instruments and assets; names of accounts too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parse(arguments)
    before = machine.load()
    _say(f"drawing R1 with {options.accounts:,} accounts")
    workload = reference_workload("R1", n_pools=options.accounts, seed=options.seed)
    market = xm.Market.from_toml(workload.market_toml)
    columns = {kind: _timed(market, workload, kind, options) for kind in KINDS}
    small = reference_workload("R1", n_pools=min(ROWS, options.accounts), seed=options.seed)
    by_row = {kind: _timed(market, small, kind, options, BY_ROW) for kind in KINDS}
    text = "\n".join(_report(workload, columns, by_row, (before, machine.load())))
    sys.stdout.write(text)
    if options.fill:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(MARK)
        PAGE.write_text(f"{head}{MARK}{text}{END}{rest.split(END, 1)[1]}", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="cost of the containers that tables come in")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--seed", type=int, default=20_241_001, help="seed of the workload")
    parser.add_argument("--fill", action="store_true", help="write the tables into docs/containers.md")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _tables(market: xm.Market, workload: Workload, kind: str) -> Tables:
    """The workload's tables as NumPy arrays, with keys of a kind."""
    tables = {name: dict(getattr(workload, name)) for name in ("balances", "positions")}
    if kind == "numbers":
        return tables
    names = {
        "asset": np.array(market.assets["asset"].tolist(), dtype=object),
        "instrument": np.array(market.instruments["instrument"].tolist(), dtype=object),
    }
    rng = np.random.default_rng(1)
    for table in tables.values():
        for name in names.keys() & table.keys():
            table[name] = names[name][table[name]]
        if "accounts" in kind:
            # An object for each account, as a column has that was read from somewhere.
            keys, row = np.unique(table["account"], return_inverse=True)
            table["account"] = np.array([f"account-{key}" for key in keys.tolist()], dtype=object)[row]
        if "no order" in kind:
            order = rng.permutation(len(table["account"]))
            table |= {name: column[order] for name, column in table.items()}
    return tables


def _is_text(column: np.ndarray) -> bool:
    return column.dtype == object


def _text_as(convert: Callable[[np.ndarray], Any]) -> Convert:
    return lambda table: {name: convert(v) if _is_text(v) else v for name, v in table.items()}


def _chunked(table: Mapping[str, Any]) -> pa.Table:
    whole = pa.table(dict(table))
    return pa.concat_tables([whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)])


def _dictionaries(table: Mapping[str, Any]) -> pa.Table:
    made = {name: pa.array(v) for name, v in table.items()}
    return pa.table({name: v.dictionary_encode() if _is_text(table[name]) else v for name, v in made.items()})


def _cast(table: Mapping[str, Any], kind: Any) -> pa.Table:
    made = pa.table(dict(table))
    fields = [pa.field(f.name, kind if pa.types.is_string(f.type) else f.type) for f in made.schema]
    return made.cast(pa.schema(fields))


def _duckdb(table: Mapping[str, Any]) -> Any:
    connection = duckdb.connect()
    connection.register("given", pa.table(dict(table)))
    connection.execute("create table held as select * from given")
    return connection.table("held")


class Fresh:
    """A stream is read once: every call gets a new one."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.make().__arrow_c_stream__(requested_schema)


CONTAINERS: dict[str, Convert] = {
    BASE: dict,
    "dict of arrays of fixed text": _text_as(lambda v: v.astype(str)),
    "dict of arrays of StringDType": _text_as(lambda v: v.astype(np.dtypes.StringDType())),
    "pandas": lambda table: pd.DataFrame(dict(table)),
    "pandas of objects": lambda table: pd.DataFrame({k: pd.Series(v, dtype=v.dtype) for k, v in table.items()}),
    "pandas of categories": _text_as(pd.Categorical),
    "Polars": lambda table: pl.DataFrame(dict(table)),
    "Polars of categories": lambda table: pl.DataFrame(dict(table)).with_columns(
        pl.col(pl.String).cast(pl.Categorical)
    ),
    "pyarrow": lambda table: pa.table(dict(table)),
    "pyarrow in chunks": _chunked,
    "pyarrow of dictionaries": _dictionaries,
    "pyarrow of large text": lambda table: _cast(table, pa.large_string()),
    "pyarrow of text views": lambda table: _cast(table, pa.string_view()),
    "pyarrow reader": lambda table: _reader(_chunked(table)),
    "arro3": lambda table: Arro3Table.from_arrow(_chunked(table)),
    "nanoarrow": lambda table: _nanoarrow(_chunked(table)),
    "DuckDB relation": _duckdb,
}


def _reader(table: pa.Table) -> Fresh:
    return Fresh(table.to_reader)


def _nanoarrow(table: pa.Table) -> Fresh:
    return Fresh(lambda: nanoarrow.ArrayStream(table))


def _nested(tables: Tables) -> list[dict[str, Any]]:
    rows: dict[Any, dict[str, Any]] = {}
    for name, table in tables.items():
        for row in pa.table(dict(table)).to_pylist():
            key = row.pop("account")
            rows.setdefault(key, {"account": key, "balances": [], "positions": []})[name].append(row)
    return list(rows.values())


BY_ROW: dict[str, Convert] = {
    BASE: dict,
    "dict of lists": lambda table: {name: v.tolist() for name, v in table.items()},
    "list of dicts": lambda table: pa.table(dict(table)).to_pylist(),
}


def _timed(
    market: xm.Market,
    workload: Workload,
    kind: str,
    options: argparse.Namespace,
    containers: Mapping[str, Convert] = CONTAINERS,
) -> dict[str, float]:
    """Median seconds by container, of interleaved rounds."""
    tables = _tables(market, workload, kind)
    prices = market.prices(mark=workload.marks)
    calls = dict(_calls(market, tables, kind, containers))
    expected = _bits(calls[BASE](), prices)
    for name, call in calls.items():
        if _bits(call(), prices) != expected:
            raise AssertionError(f"{name} of {kind} gave other results than {BASE}")
    _say(f"timing {len(calls)} containers of {kind}")
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(options.rounds):
        names = list(calls)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            begun = time.perf_counter()
            book = calls[name]()
            seconds[name].append(time.perf_counter() - begun)
            del book
    return {name: float(np.median(times)) for name, times in seconds.items()}


def _calls(
    market: xm.Market, tables: Tables, kind: str, containers: Mapping[str, Convert]
) -> Iterator[tuple[str, Callable[[], xm.Book]]]:
    for name, convert in containers.items():
        if kind == "numbers" and ("text" in name or "StringDType" in name or "categories" in name):
            continue
        given = {table: convert(columns) for table, columns in tables.items()}
        yield name, lambda given=given: xm.Book(market, **given)
    if containers is BY_ROW:
        rows = _nested(tables)
        yield "nested list of dicts", lambda: xm.Book.from_nested(market, rows)
        table = pa.Table.from_pylist(rows)
        yield "nested pyarrow table", lambda: xm.Book.from_nested(market, table)


def _bits(book: xm.Book, prices: xm.Prices) -> tuple[bytes, ...]:
    """Results by account, whatever the order of accounts is."""
    scores = xm.score(book, prices, ("excess", "maintenance_margin"))
    order = np.argsort(book.accounts.astype(str), kind="stable")
    return tuple(scores[name][order].tobytes() for name in scores.outputs)


def _report(
    workload: Workload, columns: Mapping[str, Any], by_row: Mapping[str, Any], load: tuple[float, float]
) -> Iterator[str]:
    told = machine.describe_machine()
    packages = {each.__name__: each.__version__ for each in (np, pd, pl, pa, duckdb)}
    versions = {"crossmargin": xm.__version__} | packages
    commit = machine.describe_commit()
    n_positions = len(workload.positions["account"])
    yield (
        f"{len(workload.balances['account']):,} accounts with {n_positions:,} positions, {machine.today()}, commit "
        f"{commit['commit'][:8]}{' with changes' if commit['changed'] else ''}: {told['cpu']}, {told['cores']} cores, "
        f"{told['system']}; load {load[0]} before and {load[1]} after; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}."
    )
    yield ""
    yield from _table(columns)
    yield ""
    small = min(ROWS, len(workload.balances["account"]))
    yield f"Containers of Python objects, of {small:,} accounts:"
    yield ""
    yield from _table(by_row)
    yield ""
    named, keyed = (columns[kind][BASE] for kind in KINDS[1:3])
    shuffled = columns[KINDS[3]][BASE]
    yield (
        f"Names of accounts instead of integers take {keyed / named:.2f} times as long, and "
        f"{shuffled / named:.2f} times where rows come in no order."
    )
    yield ""


def _table(columns: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield "| container | " + " | ".join(KINDS) + " |"
    yield "|---|" + "---:|" * len(KINDS)
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        cells = []
        for kind in KINDS:
            took, base = columns[kind].get(name), columns[kind][BASE]
            cells.append("" if took is None else f"{1e3 * took:,.0f} ms ({took / base:.2f})")
        yield f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    raise SystemExit(main())
