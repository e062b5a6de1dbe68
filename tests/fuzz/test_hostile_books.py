"""Books, prices and scores of anything: errors of ours only, and a refused call changes nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from fuzz.junk import JOINT, MARKET, TEXTBOOK, answered_or_refused, columns, junk, numbers, plain, scalars, words

BALANCES = {"account": [1, 1], "asset": ["USDT", "USDT"], "wallet_balance": [5.0, 6.0]}
SOUND: dict[str, dict[str, list[Any]]] = {
    "balances": {"account": [1, 2], "asset": ["USDT", "USDT"], "wallet_balance": [500.0, 60.0]},
    "positions": {
        "account": [1, 2],
        "instrument": ["BTCUSDT", "BTCUSDT"],
        "quantity": [0.1, -0.2],
        "entry_price": [60_000.0, 61_000.0],
        "leverage": [5.0, 3.0],
        "margin_mode": ["cross", "isolated"],
        "position_side": ["net", "net"],
    },
    "orders": {"account": [1], "instrument": ["BTCUSDT"], "quantity": [0.1], "price": [60_000.0], "order_id": [3]},
    "accounts": {"account": [1], "profile": [None], "margin_mode": ["cross"], "position_mode": ["one_way"]},
    "settings": {"account": [1], "instrument": ["BTCUSDT"], "leverage": [5.0], "margin_mode": ["cross"]},
}
OPTIONS = {"quantity_unit": "contracts", "duplicates": "raise", "on_error": "raise"}
PLACES = [(table, column) for table, given in SOUND.items() for column in given]


def sound() -> dict[str, Any]:
    return {table: {column: list(values) for column, values in given.items()} for table, given in SOUND.items()}


def test_book_of_the_sound_tables_is_built() -> None:
    assert xm.Book(MARKET, **sound()).n_pools == 3


@given(market=st.one_of(st.just(MARKET), junk), tables=st.lists(junk, min_size=5, max_size=5))
def test_book_of_anything_is_built_or_refused_by_an_error_of_ours(market: Any, tables: list[Any]) -> None:
    with answered_or_refused():
        xm.Book(market, **dict(zip(SOUND, tables, strict=True)))


@pytest.mark.parametrize("on_error", ["raise", "reject"])
@given(data=st.data())
def test_book_with_a_hostile_column_is_built_or_refused_by_an_error_of_ours(on_error: str, data: st.DataObject) -> None:
    tables = sound()
    for table, column in data.draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=2)):
        rows = len(SOUND[table][column])
        tables[table][column] = data.draw(st.one_of(st.lists(scalars, min_size=rows, max_size=rows), columns, junk))
    with answered_or_refused():
        book = xm.Book(MARKET, **tables, on_error=on_error)
        scores = xm.score(book, MARKET.prices(mark={"BTCUSDT": 60_000.0}), "all")
        assert len(scores.accounts()) == book.n_accounts


@given(option=st.sampled_from([*OPTIONS]), value=words)
def test_book_with_a_hostile_option_is_built_or_refused_by_an_error_of_ours(option: str, value: Any) -> None:
    with answered_or_refused():
        xm.Book(MARKET, **sound(), **{**OPTIONS, option: value})


nested_rows = st.lists(st.dictionaries(st.sampled_from([*SOUND, "account"]), junk, max_size=4))


@given(nested=st.one_of(plain, nested_rows))
def test_nested_tables_of_anything_are_built_or_refused_by_an_error_of_ours(nested: Any) -> None:
    with answered_or_refused():
        xm.Book.from_nested(MARKET, nested)


@given(mark=junk, index=junk, last=junk, bid=st.one_of(st.none(), junk))
def test_prices_of_anything_are_taken_or_refused_by_an_error_of_ours(
    mark: Any, index: Any, last: Any, bid: Any
) -> None:
    with answered_or_refused():
        MARKET.prices(mark)
    with answered_or_refused():
        MARKET.prices({"BTCUSDT": 1.0}, index, last, bid=bid)


times = st.one_of(plain, st.lists(st.one_of(numbers, words), max_size=3))
histories = st.one_of(junk, st.dictionaries(st.just("BTCUSDT"), columns, max_size=1))


@given(mark=histories, time=times)
def test_price_history_of_anything_is_taken_or_refused_by_an_error_of_ours(mark: Any, time: Any) -> None:
    with answered_or_refused():
        TEXTBOOK.price_history(mark)
    with answered_or_refused():
        TEXTBOOK.price_history({"BTCUSDT": [1.0, 2.0]}, time=time)
    with answered_or_refused():
        TEXTBOOK.price_history({"BTCUSDT": [1.0, 2.0]}, index=mark, last=mark)


BOOK = xm.Book(MARKET, **sound())
PRICES = MARKET.prices(mark={"BTCUSDT": 60_000.0})


asked = st.one_of(words, st.lists(words, max_size=3), st.lists(st.sampled_from(xm.OUTPUTS), max_size=3))


@given(book=junk, prices=junk, outputs=asked, missing=words, threads=st.one_of(st.none(), st.integers(-3, 9)))
def test_score_of_anything_is_done_or_refused_by_an_error_of_ours(
    book: Any, prices: Any, outputs: Any, missing: Any, threads: Any
) -> None:
    for call in (
        lambda: xm.score(book, PRICES),
        lambda: xm.score(BOOK, prices),
        lambda: xm.score(BOOK, PRICES, outputs),
        lambda: xm.score(BOOK, PRICES, missing=missing),
        lambda: xm.score(BOOK, PRICES, n_threads=threads),
    ):
        with answered_or_refused():
            call()


out_arrays = st.one_of(
    st.sampled_from([0, 2, 3, 3, 3]).map(lambda n: np.full(n, 7.0)),
    st.just(np.full(6, 7.0)[::2]),
    st.just(np.full((3, 1), 7.0)),
    st.just(np.full(3, 7.0, dtype=np.float32)),
    st.just(np.full(3, 7.0, dtype=">f8")),
    st.just(np.full(3, 7, dtype=bool)),
    st.just(np.full(25, 7, dtype=np.uint8)[1:].view(np.float64)),
    st.builds(lambda: _read_only(np.full(3, 7.0))),
)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


@given(out=st.dictionaries(st.one_of(st.sampled_from(xm.OUTPUTS), words), out_arrays, max_size=4), share=st.booleans())
def test_score_into_hostile_arrays_fills_all_or_changes_none(out: dict[str, Any], share: bool) -> None:
    if share and out:
        out["notional"] = next(iter(out.values()))
    before = {name: array.copy() for name, array in out.items()}
    try:
        xm.score(BOOK, PRICES, out=out)
    except xm.InternalError:
        raise
    except xm.CrossmarginError:
        for name, array in out.items():
            assert np.array_equal(array, before[name]), name
        return
    expected = xm.score(BOOK, PRICES, [*out])
    for name, array in out.items():
        assert np.array_equal(array, expected[name], equal_nan=array.dtype != bool), name


@given(out=junk)
def test_score_into_anything_is_done_or_refused_by_an_error_of_ours(out: Any) -> None:
    with answered_or_refused():
        xm.score(BOOK, PRICES, out=out)


HISTORY = MARKET.price_history({"BTCUSDT": [60_000.0, 61_000.0, 59_000.0]})


@given(book=junk, history=junk, outputs=asked, missing=words, number=st.one_of(st.none(), numbers), row=plain)
def test_history_of_anything_is_scored_or_refused_by_an_error_of_ours(
    book: Any, history: Any, outputs: Any, missing: Any, number: Any, row: Any
) -> None:
    for ask in (
        lambda: xm.score_history(book, HISTORY),
        lambda: xm.score_history(BOOK, history),
        lambda: xm.score_history(BOOK, HISTORY, outputs),
        lambda: xm.score_history(BOOK, HISTORY, missing=missing),
        lambda: xm.score_history(BOOK, HISTORY, rows_per_block=number),
    ):
        with answered_or_refused():
            ask().collect()
    with answered_or_refused(IndexError):
        HISTORY[row if not isinstance(row, (int, np.integer)) else row % 9]


pairs = st.lists(scalars, min_size=2, max_size=2)
maybe_prices = st.one_of(st.none(), st.dictionaries(words, plain, max_size=2))


@given(question=plain, table=st.dictionaries(words, pairs, max_size=3), prices=maybe_prices)
def test_questions_of_anything_are_answered_or_refused_by_an_error_of_ours(
    question: Any, table: Any, prices: Any
) -> None:
    scores = xm.score(BOOK, PRICES)
    for ask in (
        lambda: scores[question],
        lambda: scores.accounts(question),
        lambda: scores.pools[question],
        lambda: BOOK.tables(question),
        lambda: BOOK.account(question),
        lambda: BOOK.account(1, prices),
        lambda: BOOK.pools[question],
        lambda: repr(xm.Table(table)),
    ):
        with answered_or_refused():
            ask()


@given(first=junk, second=junk, account=plain, pool=plain, term=words)
def test_explanations_of_anything_are_given_or_refused_by_an_error_of_ours(
    first: Any, second: Any, account: Any, pool: Any, term: Any
) -> None:
    explanation = xm.explain(BOOK, PRICES, 1)
    for ask in (
        lambda: xm.explain(first, PRICES, 1),
        lambda: xm.explain(BOOK, second, 1),
        lambda: xm.explain(BOOK, PRICES, account),
        lambda: xm.explain(BOOK, PRICES, 1, pool=pool),
        lambda: explanation.only(term),
        lambda: explanation.only("excess", pool),
    ):
        with answered_or_refused():
            assert str(ask())


REPORTED = {
    "account": [1, 1, 2],
    "level": ["position", "pool", "account"],
    "field": ["maintenance_margin", "equity", "equity"],
    "value": [30.5, 500.0, 60.0],
    "step": [1e-8, None, 0.01],
    "asset": [None, "USDT", "USDT"],
    "instrument": ["BTCUSDT", None, None],
    "position_side": [None, None, None],
    "key": ["maintMargin", None, None],
}


@st.composite
def reported(draw: st.DrawFn) -> Any:
    """Reported figures with a hostile column, as columns or as rows, or anything."""
    given_columns = dict(REPORTED)
    column = draw(st.sampled_from([*REPORTED, "other"]))
    values = draw(st.lists(st.one_of(scalars, columns), min_size=3, max_size=3))
    given_columns[column] = draw(st.one_of(st.just(values), columns, junk))
    rows = [{**{name: held[at] for name, held in REPORTED.items()}, column: values[at]} for at in range(3)]
    return draw(st.one_of(st.just(given_columns), st.just(rows), junk))


@given(reply=reported(), first=junk, second=junk)
def test_reconciliations_of_anything_are_made_or_refused_by_an_error_of_ours(
    reply: Any, first: Any, second: Any
) -> None:
    for ask in (
        lambda: xm.reconcile(BOOK, PRICES, reply),
        lambda: xm.reconcile(first, PRICES, reply),
        lambda: xm.reconcile(BOOK, second, reply),
    ):
        with answered_or_refused():
            assert repr(ask())


steps = st.floats(1e-9, 1e9)


@given(tiers=junk, bounds=words, name=plain, number=st.one_of(numbers, plain), step=steps, other=junk)
def test_markets_of_anything_are_made_or_refused_by_an_error_of_ours(
    tiers: Any, bounds: Any, name: Any, number: Any, step: Any, other: Any
) -> None:
    for ask in (
        lambda: MARKET.with_tiers(tiers),
        lambda: MARKET.with_tiers({"XRPUSDT": [{"minNotional": number, "maintenanceMarginRate": name}]}, bounds),
        lambda: MARKET.tiers(name),
        lambda: MARKET.tiers("BTCUSDT", name),
        lambda: MARKET.round_price(name, 1.0),
        lambda: MARKET.round_price("BTCUSDT", number, tick=step),
        lambda: JOINT.round_price("BTCUSDT", number, side=name, tick=step),
        lambda: xm.load_market(name),
        lambda: xm.load_market("textbook", name),
        lambda: xm.diff(other, MARKET),
        lambda: xm.diff(MARKET, other),
    ):
        with answered_or_refused(OSError):
            ask()


@given(source=junk.filter(lambda source: not (isinstance(source, str) and "\0" in source)))
def test_market_files_of_anything_are_read_or_refused_by_an_error_of_ours(source: Any) -> None:
    with answered_or_refused(OSError):
        xm.Market.from_toml(source)
