"""The venues' own published numbers, through the reference and through the engine."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders import BUILDERS, Claim

from crossmargin.reference import truncate
from crossmargin.testing.oracle import Scorer

FOLDER = Path(__file__).parent.parent / "vectors"
STATUSES = {"passes", "pending", "superseded", "source_wrong", "out_of_scope"}

# The engine reports doubles: an expected value of 1 may be off by this, far below any published digit.
DOUBLE = Fraction(1, 2**48)


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
PASSING = [name for name in VECTORS if STATUS.get(name, {}).get("status") == "passes"]


def check(claim: Claim, scorer: Scorer, slack: Fraction) -> None:
    book = claim.book
    got = scorer(book.market, book.balances, book.positions, book.marks)[-1][claim.output]
    if isinstance(claim.expected, bool):
        assert got is claim.expected
    elif claim.decimals is not None:
        assert Fraction(truncate(got, claim.decimals)) == claim.expected
    else:
        error = abs(Fraction(got) - claim.expected)
        assert error <= claim.tolerance + slack * abs(claim.expected), f"{claim.output} was {float(got)}"


@pytest.mark.parametrize("name", PASSING)
def test_reference_published_number_is_reproduced(name: str, reference_score: Scorer) -> None:
    for claim in BUILDERS[name](VECTORS[name]):
        check(claim, reference_score, Fraction(0))


@pytest.mark.parametrize("name", PASSING)
def test_engine_published_number_is_reproduced(name: str, engine_score: Scorer) -> None:
    for claim in BUILDERS[name](VECTORS[name]):
        check(claim, engine_score, DOUBLE)


def test_status_every_vector_has_exactly_one() -> None:
    assert set(STATUS) == set(VECTORS)
    assert {entry["status"] for entry in STATUS.values()} <= STATUSES


def test_status_passes_exactly_where_a_builder_is() -> None:
    assert set(PASSING) == set(BUILDERS)


def test_status_agrees_with_what_the_source_says_of_itself() -> None:
    for name, vector in VECTORS.items():
        status = STATUS[name]["status"]
        assert not vector.get("superseded_rule") or status == "superseded", name
        assert bool(vector.get("source_wrong")) == (status == "source_wrong"), name


def test_status_pending_names_the_work_that_it_waits_for() -> None:
    for name, entry in STATUS.items():
        assert entry["status"] != "pending" or entry.get("needs"), name


def test_vector_every_one_names_its_source() -> None:
    assert all(vector["source"] and vector["evidence"] for vector in VECTORS.values())


def test_truncate_half_up_would_miss_the_published_margin() -> None:
    vector = VECTORS["binance-um-rounding-maintmargin"]
    exact = Fraction(repr(vector["inputs"]["notional"])) * Fraction(repr(vector["inputs"]["mmr"]))
    half_up = Fraction(int(exact * 10**8 + Fraction(1, 2)), 10**8)
    assert half_up != Fraction(repr(vector["expected"]["maint_margin"])) == Fraction(truncate(exact, 8))
