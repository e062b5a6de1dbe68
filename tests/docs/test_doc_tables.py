"""Tables of the documentation agree with what they are about."""

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from pages import ROOT

import crossmargin as xm
from crossmargin.testing.oracle import documented_bound

VECTORS = ROOT / "tests" / "vectors"
STATUS = json.loads((VECTORS / "status.json").read_text(encoding="utf-8"))
CELL = re.compile(r"`([^`]+)`")
FENCED = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
VECTOR = re.compile(r"(binance|bingx|bybit|hyperliquid|mexc|okx|weex)-[a-z]+-")
COUNT = re.compile(r"^\* \*\*(.+?)\*\* \((\d+)\)", flags=re.MULTILINE)


def rows(page: Path) -> Iterator[list[str]]:
    """The rows of a page's tables, without heads and rules."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


def identifiers(page: str) -> set[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return set(CELL.findall(FENCED.sub("", text)))


def test_vectors_page_has_every_vector_with_its_status() -> None:
    stated = {cells[0].strip("`"): cells for cells in rows(ROOT / "docs" / "vectors.md")}
    assert set(stated) == set(STATUS)
    for name, cells in stated.items():
        entry = STATUS[name]
        assert len(cells) == 4, name
        assert cells[1], name
        assert cells[2] == entry["status"].replace("_", " "), name
        assert cells[3] == entry.get("needs", ""), name


def test_vectors_page_counts_what_the_table_holds() -> None:
    text = (ROOT / "docs" / "vectors.md").read_text(encoding="utf-8")
    counted = {name.replace(" ", "_"): int(count) for name, count in COUNT.findall(text)}
    statuses = [entry["status"] for entry in STATUS.values()]
    assert counted == {name: statuses.count(name) for name in counted}
    assert set(statuses) <= set(counted)


VENUES = ROOT / "docs" / "venues"
PRESETS = {
    "binance": ("binance-usdm-multi", "binance-coinm"),
    "binance-usdm": ("binance-usdm",),
    "bingx": ("bingx-usdm", "bingx-multi", "bingx-coinm"),
    "bybit": ("bybit-uta", "bybit-inverse"),
    "mexc": ("mexc-usdm", "mexc-coinm"),
    "textbook": ("textbook",),
    "weex": ("weex-usdm",),
}
"""The page of each preset."""

RUN = {"passes", "superseded"}
"""Statuses of vectors that both programs reproduce, under today's rules or under those of their time."""


def files_of(preset: str) -> list[str]:
    shipped = xm.presets()
    return [day for name, day in zip(shipped["preset"], shipped["as_of"], strict=True) if name == preset]


def test_venue_pages_are_about_every_preset() -> None:
    assert {page.stem for page in VENUES.glob("*.md")} == set(PRESETS)
    assert {name for names in PRESETS.values() for name in names} == set(xm.presets()["preset"])


@pytest.mark.parametrize("page", PRESETS)
def test_venue_page_names_vectors_that_run(page: str) -> None:
    presets = {*xm.presets()["preset"], *(f"{name}/{day}" for name in PRESETS[page] for day in files_of(name))}
    named = {name for name in identifiers(f"docs/venues/{page}.md") if VECTOR.match(name)}
    for name in named - presets:
        assert STATUS[name]["status"] in RUN, name


def test_venue_pages_support_rules_with_every_vector_that_passes() -> None:
    passing = {name for name, entry in STATUS.items() if entry["status"] == "passes"}
    named = set().union(*(identifiers(f"docs/venues/{page}.md") for page in PRESETS))
    assert {name for name in passing if name.split("-")[0] in PRESETS} <= named


@pytest.mark.parametrize(
    ("page", "name", "day"),
    [(p, name, day) for p, names in PRESETS.items() for name in names for day in files_of(name)],
)
def test_venue_page_says_what_the_preset_says(page: str, name: str, day: str) -> None:
    market = xm.load_market(name, as_of=day)
    text = (VENUES / f"{page}.md").read_text(encoding="utf-8")
    assert market.id in text
    if page == "binance":  # Multi-Assets mode takes the rest over from the page of single-asset mode.
        text += (VENUES / "binance-usdm.md").read_text(encoding="utf-8")
    for rule, url in zip(market.sources["rule"], market.sources["url"], strict=True):
        assert f"`{rule}`" in text, rule
        assert url is None or url in text, url
    for instrument in market.instruments["instrument"]:
        assert len(market.instruments["instrument"]) > 3 or f"`{instrument}`" in text, instrument


def test_concepts_page_defines_every_output_and_input_column() -> None:
    defined = {cells[0].strip("`") for cells in rows(ROOT / "docs" / "concepts.md")}
    balances = ("account", "asset", "wallet_balance")
    positions = ("instrument", "quantity", "entry_price", "leverage", "margin_mode", "isolated_margin", "position_side")
    assert {*xm.OUTPUTS, *balances, *positions} <= defined


def test_concepts_page_defines_each_word_once() -> None:
    defined = [cells[0] for cells in rows(ROOT / "docs" / "concepts.md")]
    assert len(defined) == len(set(defined))


def test_index_page_names_every_public_name() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Za-z_.]+)", text))
    assert set(xm.__all__) <= named


def test_numeric_contract_states_the_bound_that_tests_hold() -> None:
    text = (ROOT / "docs" / "numeric-contract.md").read_text(encoding="utf-8")
    stated = re.search(r"<= \(n \+ (\d+)\) \* u \* G", text)
    assert stated is not None
    assert documented_bound(0, Fraction(2**53)) == int(stated[1])
