"""The venues' own published numbers, through the reference and through the engine."""

import json
import tomllib
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders import BUILDERS
from claims import AnyClaim, Claim, OrderClaim, PositionClaim, PriceClaim, VectorBook
from of_bybit import two_sided_book
from programs import Program
from rulebooks import under_preset

from crossmargin.reference import truncate

FOLDER = Path(__file__).parent.parent / "vectors"
STATUSES = {"passes", "pending", "superseded", "source_wrong", "out_of_scope"}


def load_vectors() -> dict[str, dict[str, Any]]:
    entries = [
        vector
        for path in sorted(FOLDER.glob("*.json"))
        if path.name != "status.json"
        for vector in json.loads(path.read_text(encoding="utf-8"))
    ]
    repeated = [name for name, count in Counter(vector["id"] for vector in entries).items() if count > 1]
    assert not repeated, repeated
    return {vector["id"]: vector for vector in entries}


def load_status() -> dict[str, dict[str, str]]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "an id has two statuses"
        return dict(pairs)

    text = (FOLDER / "status.json").read_text(encoding="utf-8")
    return json.loads(text, object_pairs_hook=once)  # type: ignore[no-any-return]


VECTORS = load_vectors()
STATUS = load_status()
RUN = {"passes", "superseded", "source_wrong"}
"""Statuses that can have a builder: a replaced rule runs as its own table, a wrong source as a negative example."""


def check(claim: AnyClaim, program: Program) -> None:
    if isinstance(claim, PriceClaim):
        assert program.shown_price(claim) == claim.expected
    elif isinstance(claim, PositionClaim):
        check_position(claim, program)
    elif isinstance(claim, OrderClaim):
        check_order(claim, program)
    else:
        check_pool(claim, program)


def check_position(claim: PositionClaim, program: Program) -> None:
    if claim.shown:
        assert program.last_position_shown(claim.book)[claim.output] == claim.expected
        return
    got = program.last_position(claim.book)[claim.output]
    assert got is not None
    assert abs(got - claim.expected) <= claim.tolerance + program.slack * claim.expected, float(got)


def check_pool(claim: Claim, program: Program) -> None:
    if claim.shown:
        shown = program.last_pool_shown(claim.book)[claim.output]
        assert Fraction(str(shown)) == claim.expected
        return
    got = program.last_pool(claim.book)[claim.output]
    if isinstance(claim.expected, bool):
        assert got is claim.expected
        return
    check_figure(claim, got, program)


def check_order(claim: OrderClaim, program: Program) -> None:
    got = program.decided(claim)[claim.output]
    if isinstance(claim.expected, str):
        assert got == claim.expected
    else:
        check_figure(claim, got, program)


def check_figure(claim: Claim | OrderClaim, got: Any, program: Program) -> None:
    error = abs(Fraction(got) / claim.per - claim.expected)
    slack = program.slack * max(abs(claim.expected), Fraction(1))
    assert error <= claim.tolerance + slack, f"{claim.output} was {float(got)}"


@pytest.mark.parametrize("name", BUILDERS)
def test_vector_published_number_is_reproduced(name: str, program: Program) -> None:
    for claim in BUILDERS[name](VECTORS[name]):
        check(claim, program)


UNDER_PRESETS = {
    "binance-usdm/2024-10-01": {
        "binance-um-cross-btc-short-faq2020",
        "binance-um-iso-btc-long-ft2",
        "binance-um-cross-btc-long-ft4",
        "binance-um-iso-short-3x",
        "binance-um-iso-long-5x",
        "binance-um-iso-long-3x",
        "binance-um-iso-long-5x-0.6",
        "binance-um-hedge-iso-long-api",
        "binance-um-hedge-iso-short-api",
        "binance-um-open-cost-limit",
        "binance-um-open-cost-loss",
        "binance-um-maint-amount-l5-2020",
        "binance-um-tier-table-btcusdc",
        "binance-um-rounding-maintmargin",
        "binance-um-positionrisk-wld",
    },
    "binance-usdm-multi/2024-10-01": {"binance-um-multiasset-initial"},
    "binance-coinm/2024-10-01": {"binance-cm-iso-long-api", "binance-cm-cross-long-forum"},
    "bybit-uta/2025-09-02": {
        "bybit-lin-iso-long-2026",
        "bybit-lin-bankruptcy-long",
        "bybit-wallet-available",
        "bybit-classic-two-sided-order-im",
    },
    "bybit-uta/2025-02-19": {"bybit-um-ethusdt-im-mm", "bybit-lin-iso-api-ethusdt", "bybit-lin-iso-short-ft-3x"},
    "bybit-inverse/2025-09-02": {"bybit-inv-iso-short-2026", "bybit-inv-bankruptcy-2019", "bybit-inv-order-cost"},
    "bingx-usdm/2024-12-13": {"bingx-order-cost-quantity"},
    "bingx-multi/2024-12-13": {"bingx-multiassets-collateral-ratio"},
    "bingx-coinm/2024-12-13": {"bingx-coinm-cross-btc-risk-and-liq", "bingx-coinm-balance-available"},
    "weex-usdm/2023-01-01": {"weex-trb-tier-before"},
    "weex-usdm/2024-04-01": {"weex-pro-liqprice-constructed-long"},
    "mexc-usdm/2021-01-01": {"mexc-isolated-eth-2021"},
}
"""Vectors that the rules of a shipped preset reproduce too, with the contract, table and fee that the vector states."""


@pytest.mark.parametrize(
    ("preset", "name"), [(preset, name) for preset, names in UNDER_PRESETS.items() for name in sorted(names)]
)
def test_preset_published_number_is_reproduced(preset: str, name: str, program: Program) -> None:
    with under_preset(preset):
        claims = BUILDERS[name](VECTORS[name])
    for claim in claims:
        if isinstance(claim, PriceClaim):
            check(claim, program)
        elif not claim.bare:
            check(replace(claim, book=fully_priced(claim.book)), program)


@pytest.mark.parametrize("preset", [None, "bybit-uta/2025-09-02"])
@pytest.mark.parametrize(
    ("quantities", "margin"),
    [
        ((2_000, -1_500), "202.09"),  # 200 + 0.00055 * 2,000 * (1 + 0.9) against 150 + 0.00055 * 1,500 * (1 + 1.1)
        ((2_000, -1_500, -700), "222.541"),  # 220 + 0.00055 * 2,200 * 2.1
    ],
)
def test_two_sided_orders_with_fees_require_the_dearer_side(
    preset: str | None, quantities: tuple[float, ...], margin: str, program: Program
) -> None:
    """The example of two-sided orders with what it leaves out, worked by hand: each side has its own fees."""
    with under_preset(preset) if preset else nullcontext():
        book = two_sided_book(quantities, leverage=10, taker=0.00055)
    claim = Claim(book, "initial_margin", Fraction(margin))
    check(replace(claim, book=fully_priced(book)) if preset else claim, program)


def fully_priced(book: VectorBook) -> VectorBook:
    """What a vector says nothing about: every asset is worth 1, the last price is the mark."""
    assets = {entry["name"]: 1.0 for entry in tomllib.loads(book.market)["asset"]}
    return replace(book, index={**assets, **book.index}, last=book.last or book.marks)


def test_status_every_vector_has_exactly_one() -> None:
    assert set(STATUS) == set(VECTORS)
    assert {entry["status"] for entry in STATUS.values()} <= STATUSES


def test_status_passes_exactly_where_a_builder_is() -> None:
    ran = {name for name, entry in STATUS.items() if entry["status"] in RUN and "needs" not in entry}
    assert ran == set(BUILDERS)
    assert {name for name, entry in STATUS.items() if entry["status"] == "passes"} <= ran


def test_status_agrees_with_what_the_source_says_of_itself() -> None:
    for name, vector in VECTORS.items():
        status = STATUS[name]["status"]
        assert not vector.get("superseded_rule") or status == "superseded", name
        assert bool(vector.get("source_wrong")) == (status == "source_wrong"), name


def test_status_pending_names_the_work_that_it_waits_for() -> None:
    for name, entry in STATUS.items():
        assert entry["status"] != "pending" or entry.get("needs"), name


def test_vector_every_published_price_is_claimed_of_a_position() -> None:
    published = {"liq_price", "liquidation_price", "bankruptcy", "bankruptcy_price", "bust_price"}
    for name, builder in BUILDERS.items():
        claims = builder(VECTORS[name])
        claimed = {claim.expected for claim in claims if isinstance(claim, PositionClaim)}
        wanted = {Fraction(repr(VECTORS[name]["expected"][key])) for key in published & set(VECTORS[name]["expected"])}
        assert len(claimed) >= len(wanted), name
        # A sample that adds a tick, and one that the venue's own formula contradicts.
        assert wanted <= claimed or name in {"okx-isolated-coinm-eth", "hyperliquid-thirdparty-liq-50000"}, name


def test_vector_every_one_names_its_source() -> None:
    assert all(vector["source"] and vector["evidence"] for vector in VECTORS.values())


def test_truncate_half_up_would_miss_the_published_margin() -> None:
    vector = VECTORS["binance-um-rounding-maintmargin"]
    exact = Fraction(repr(vector["inputs"]["notional"])) * Fraction(repr(vector["inputs"]["mmr"]))
    half_up = Fraction(int(exact * 10**8 + Fraction(1, 2)), 10**8)
    assert half_up != Fraction(repr(vector["expected"]["maint_margin"])) == Fraction(truncate(exact, 8))
