"""Prices of one moment as tables: the same as by name, in any container."""

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm

NAMED = {"ETHUSDT": 2_450.0, "BTCUSDT": 61_000.0}
COLUMNS = {"instrument": list(NAMED), "mark_price": list(NAMED.values()), "note": ["a", "b"]}
ROWS = [{"instrument": name, "mark_price": price} for name, price in NAMED.items()]
NULLABLE = [61_000.0, 2_450.0, None]
"""In market order."""


@pytest.mark.parametrize(
    "table",
    [COLUMNS, ROWS, pa.table(COLUMNS), pa.RecordBatch.from_pylist(ROWS), xm.Table(COLUMNS), NAMED, pa.array(NULLABLE)],
    ids=["columns", "rows", "arrow", "batch", "Table", "named", "column"],
)
def test_prices_from_a_table_are_those_by_name(textbook: xm.Market, table: object) -> None:
    made = textbook.prices(mark=table, last=np.array([1.0, 2.0, 3.0]))
    assert made.mark[:2].tolist() == [61_000.0, 2_450.0]
    assert np.isnan(made.mark[2])


def test_prices_index_and_last_from_tables_have_columns_of_their_own(textbook: xm.Market) -> None:
    made = textbook.prices(
        mark=COLUMNS,
        index={"asset": ["USDT"], "index_price": [1.01]},
        last=pa.table({"instrument": ["SOLUSDT"], "last_price": [150.0]}),
    )
    assert made.index.tolist() == [1.01]
    assert made.last[2] == 150.0


def test_prices_from_a_table_without_prices_are_refused(refused, textbook: xm.Market) -> None:
    message = refused(xm.ArgumentError, textbook.prices, {"instrument": ["BTCUSDT"], "price": [1.0]})
    assert message == "mark was a table without mark_price; it needs the columns instrument and mark_price"


def test_prices_of_one_name_twice_are_refused(refused, textbook: xm.Market) -> None:
    table = {"instrument": ["BTCUSDT", "BTCUSDT"], "mark_price": [1.0, 1.0]}
    message = refused(xm.PriceError, textbook.prices, table)
    assert message == "mark named 'BTCUSDT' twice; give one price of each"


def test_prices_of_columns_of_unequal_length_are_refused(refused, textbook: xm.Market) -> None:
    message = refused(xm.ArgumentError, textbook.prices, {"instrument": ["BTCUSDT"], "mark_price": [1.0, 2.0]})
    assert message == "mark had columns of unequal length"
