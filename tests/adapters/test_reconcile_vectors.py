"""Reconciling replies built from the venues' published numbers leaves nothing unexplained."""

import re

import pytest
from sampling import PLAIN, vectors
from vector_samples import NO_ACCOUNT, SAMPLES

import crossmargin as xm


def test_samples_are_of_vectors_and_those_without_say_why() -> None:
    shown = {name for name, _ in SAMPLES}
    assert shown | set(NO_ACCOUNT) <= set(vectors())
    assert not shown & set(NO_ACCOUNT)
    assert {name.split("-")[0] for name in shown} == {"binance", "bybit", "hyperliquid", "okx"}


@pytest.mark.parametrize(("name", "part"), SAMPLES, ids=lambda value: value or "all")
def test_reconcile_vector_has_no_unexplained_difference(name: str, part: str) -> None:
    sample = SAMPLES[name, part](vectors()[name])
    found = sample.snapshot.reconcile(sample.market, **sample.prices)
    assert len(found) > 0
    assert found.n_unexplained == 0, found
    causes = {row["cause"] for row in found.table.rows() if row["status"] in ("equal", "explained")}
    assert causes <= PLAIN | sample.causes, found
    assert sample.causes <= causes, found
    computed = found.table.rows()
    assert all(row["status"] != "not computed" for row in computed if not row["field"].endswith("_price")), found


@pytest.mark.parametrize(("name", "part"), SAMPLES, ids=lambda value: value or "all")
def test_reconcile_vector_liquidation_price_is_where_the_verdict_changes(name: str, part: str) -> None:
    sample = SAMPLES[name, part](vectors()[name])
    rows = sample.snapshot.reconcile(sample.market, **sample.prices).not_computed.rows()
    said = [row["detail"] for row in rows if row["field"] == "liquidation_price"]
    assert all(("changes" in detail) == sample.flips for detail in said)
    assert not sample.flips or said


def test_reconcile_rules_without_the_fee_to_close_name_it_as_the_cause() -> None:
    """What the vectors say: the fee to close, at the price where the margin is used up, is inside both margins."""
    name = "bybit-lin-iso-long-2026"
    sample = SAMPLES[name, "margins"](vectors()[name])
    bare = re.sub(r'closing_fee = "\w+"', 'closing_fee = "none"', sample.market.to_toml())
    found = sample.snapshot.reconcile(xm.Market.from_toml(bare)).table.rows()
    causes = {row["field"]: row["cause"] for row in found}
    assert causes["maintenance_margin"] == causes["initial_margin"] == "fee"
