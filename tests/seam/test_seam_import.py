"""What importing brings in, and what it leaves out."""

import inspect
import itertools
import subprocess
import sys

import pytest

import crossmargin as xm
from crossmargin import _core


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_import_brings_in_only_what_scoring_needs() -> None:
    new = modules_after("import crossmargin") - modules_after("import numpy")
    ours = {name for name in new if name.startswith("crossmargin")}
    parts = ("_applying", "_arguments", "_asked", "_core", "_price_tables", "_tables")
    parts += ("book", "errors", "market", "prices", "rounding", "scores", "table")
    assert ours == {"crossmargin", *(f"crossmargin.{part}" for part in parts)}
    outside = ("pyarrow", "pandas", "polars", "hypothesis", "rich", "numpy.testing", "numpy.ma")
    assert not {name for name in new if name.startswith(outside)}


def test_import_of_other_parts_happens_when_they_are_named() -> None:
    assert "crossmargin.reference" in modules_after("import crossmargin\ncrossmargin.reference")
    assert "crossmargin.testing" in modules_after("from crossmargin import testing")
    assert {"reference", "testing", "score"} <= set(dir(xm))
    with pytest.raises(AttributeError, match="module 'crossmargin' has no attribute 'scroe'"):
        _ = xm.scroe


def test_import_looks_a_name_up_once() -> None:
    # check_order takes a microsecond; the way to it must not take more
    assert xm.check_order is vars(xm)["check_order"]


def test_import_after_pyarrow_and_before_it() -> None:
    for order in ("import crossmargin, pyarrow", "import pyarrow, crossmargin"):
        code = f"{order}\nassert pyarrow.table(crossmargin.presets()).num_rows > 0"
        assert "crossmargin" in modules_after(code)


ORDERS = list(itertools.permutations(["crossmargin", "numpy", "pyarrow", "polars"]))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_import_in_any_order_scores_what_it_is_given(order: tuple[str, ...]) -> None:
    pytest.importorskip("polars")
    code = (
        "import "
        + ", ".join(order)
        + """
import crossmargin as xm
market = xm.load_market("textbook")
cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
for make in (dict, pyarrow.table, polars.DataFrame):
    scores = xm.score(xm.Book(market, balances=make(cash)), market.prices(mark={}), "equity")
    assert scores.equity.tolist() == [1_000.0]
    assert pyarrow.table(scores)["equity"].to_pylist() == polars.DataFrame(scores)["equity"].to_list() == [1_000.0]
"""
    )
    assert "crossmargin" in modules_after(code)


def test_import_all_names_exist_and_are_told() -> None:
    for name in xm.__all__:
        thing = getattr(xm, name)
        assert thing is not None
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name


def test_import_classes_of_the_module_are_frozen(usdm: xm.Market) -> None:
    book = xm.Book(usdm, balances=[])
    monitor = xm.Monitor(book, usdm.prices(mark={}))
    proposed = _core.Proposed(book._core, {})
    things = (usdm._core, usdm.prices(mark={})._core, book._core, monitor._core, monitor.events._core, proposed)
    for thing in (*things, _core.Purse(usdm._core, 0, [])):
        with pytest.raises(AttributeError):
            thing.anything = 1
    classes = {name for name, thing in vars(_core).items() if inspect.isclass(thing)}
    assert classes == {"ArrowColumn", "Market", "Prices", "Book", "Events", "Monitor", "Proposed", "Purse"}
