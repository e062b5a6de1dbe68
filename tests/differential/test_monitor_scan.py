"""The monitor against a full scan after every frame: ten million pool-frames, on every kind of book and path.

``make soak`` does a hundred times as many, from a seed of your choice.
"""

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.testing.cases import FullCase, MarketText
from crossmargin.testing.edges import edge_cases, floor_cases
from crossmargin.testing.holdings import full_cases, preset_cases
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.watching.books import LANES, book_kinds
from crossmargin.testing.watching.check import check_batches, check_monitor, monitor_of
from crossmargin.testing.watching.paths import PATHS, started_again
from crossmargin.testing.watching.thresholds import on_thresholds
from crossmargin.testing.watching.ticks import joined
from crossmargin.testing.watching.watched import watched_case
from differential.test_kinds import PRESETS
from differential.test_score import drawn

KINDS = book_kinds()
SMALL = [name for name in KINDS if name not in LANES]

TO_EDGES = ("on triggers", "on levels", "on soft stops", "on kinks")
OTHERS = [name for name in PATHS if name not in TO_EDGES]
A_PLACE = 7
"""Frames in which a mark goes to a price, to the doubles beside it, and back."""

LONG = 1 << 14
"""Frames after which a monitor weighs anew how far prices go."""


def seed_of(name: str) -> int:
    return crc32(name.encode()) % 1_000


def all_paths(watched, rng: np.random.Generator, frames: int):
    """First those that go to edges, which are where they are as long as other prices have not moved."""
    lengths = {**dict.fromkeys(TO_EDGES, max(frames, 4 * A_PLACE)), **dict.fromkeys(OTHERS, frames)}
    return joined([PATHS[name](watched, rng, length) for name, length in lengths.items()])


@pytest.mark.parametrize(
    ("name", "n_pools", "frames", "least"),
    [("R1", 50_000, 200, 10_000_000), ("R2", 60, 120, 7_000), ("R3", 60, 120, 7_000)],
)
def test_monitor_of_a_large_book_is_a_full_scan_after_every_frame(
    name: str, n_pools: int, frames: int, least: int
) -> None:
    watched, rng = KINDS[name](n_pools, 3), np.random.default_rng(3)
    some = [PATHS[path](watched, rng, frames // 4) for path in ("quiet", "ranked", "lively", "jumpy")]
    hard = [PATHS[path](watched, rng, 3) for path in ("together", "crash", "ulps", "index only", "back", "upward")]
    edges = [PATHS[path](watched, rng, A_PLACE) for path in ("on triggers", "on levels", "on kinks")]
    counts = check_monitor(watched, joined([*edges, *some, *hard]))
    assert counts.pool_frames >= least
    assert counts.events > 50


def test_monitor_of_a_retail_book_is_a_full_scan_after_every_frame() -> None:
    watched, rng = KINDS["retail"](2_000, 4), np.random.default_rng(4)
    counts = check_monitor(watched, all_paths(watched, rng, 8))
    assert counts.pool_frames > 200_000
    assert counts.events > 1_000


@pytest.mark.parametrize("name", SMALL)
def test_monitor_of_a_kind_of_book_is_a_full_scan_along_every_kind_of_path(name: str) -> None:
    rng = np.random.default_rng(seed_of(name))
    watched = KINDS[name](60, seed_of(name))
    assert check_monitor(watched, all_paths(watched, rng, 12)).events > 100


@pytest.mark.parametrize("name", ["marginal tiers", "several assets in full"])
def test_monitor_that_runs_for_long_is_a_full_scan_after_every_frame(name: str) -> None:
    watched, rng = KINDS[name](12, 5), np.random.default_rng(5)
    ticks = joined([PATHS["hovering"](watched, rng, LONG + 50), started_again(watched), all_paths(watched, rng, 12)])
    assert check_monitor(watched, ticks).frames > LONG


def gaining(watched, *, hedged: bool) -> set[int]:
    """Accounts that are worth more the higher the marks: long without shorts, or at least as long as they are short."""
    held, net, short = watched.tables["positions"], {}, set()
    for account, name, quantity in zip(
        *(held[key].tolist() for key in ("account", "instrument", "quantity")), strict=True
    ):
        net.setdefault(account, {}).setdefault(name, []).append(quantity)
        short |= {account} if quantity < 0 else set()
    isolated = set(held["account"][held["margin_mode"] == "isolated"].tolist())
    found = {account for account, sides in net.items() if all(sum(side) >= 0 for side in sides.values())}
    return (found & short if hedged else found - short) - isolated


@pytest.mark.parametrize(("name", "hedged"), [("flat tiers", False), ("larger side", True), ("legs added", True)])
def test_monitor_of_pools_that_fail_as_a_mark_rises_though_they_gain_is_a_full_scan(name: str, hedged: bool) -> None:
    """A tier that charges more for all of a position fails one that is long, or hedged."""
    watched, rng = KINDS[name](200, 8), np.random.default_rng(8)
    ticks = PATHS["upward"](watched, rng, 120)
    assert check_monitor(watched, ticks).events > 100
    now, watch, failed = watched.levels.copy(), monitor_of(watched), set()
    for number in range(len(ticks)):
        quote, at, price = ticks.frame(number)
        rises = price[0] > now.column(quote[0])[at[0]]
        now.apply(ticks.frame(number))
        events = watch.update({watched.names[0][at[0]]: price[0]})
        entered = (events["change"] == "entered") & (events["alert"] == "liquidation")
        failed |= set(events["account"][entered].tolist()) if rises else set()
    assert failed & gaining(watched, hedged=hedged)


@pytest.mark.parametrize("name", SMALL)
def test_monitor_of_a_book_on_thresholds_is_decided_as_in_exact_arithmetic(name: str) -> None:
    rng = np.random.default_rng(seed_of(name))
    watched = on_thresholds(KINDS[name](6, seed_of(name)), seed_of(name))
    ticks = joined([PATHS[path](watched, rng, 8) for path in ("ulps", "back", "on levels")])
    assert check_monitor(watched, ticks).exact > 0


@pytest.mark.parametrize("name", SMALL[::4])
def test_monitor_of_many_frames_at_once_gives_the_events_of_frame_by_frame(name: str) -> None:
    rng = np.random.default_rng(seed_of(name))
    watched = KINDS[name](40, seed_of(name))
    assert check_batches(watched, all_paths(watched, rng, 15), rng) > 0


def along(case: FullCase, path: str, seed: int) -> None:
    watched = watched_case(case)
    if len(watched.held):
        check_monitor(watched, PATHS[path](watched, np.random.default_rng(seed), 12), everything=True)


DRAWN = st.sampled_from([name for name in PATHS if name != "ranked"])
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("style", STYLES)
def test_monitor_of_a_book_under_any_rules_is_a_full_scan_in_fractions(style: str) -> None:
    @drawn(25)
    @given(full_cases(style), DRAWN, SEEDS)
    def agrees(case: FullCase, path: str, seed: int) -> None:
        along(case, path, seed)

    agrees()


@drawn(25)
@given(edge_cases(), DRAWN, SEEDS)
def test_monitor_of_pools_on_the_trigger_is_a_full_scan_in_fractions(case: FullCase, path: str, seed: int) -> None:
    along(case, path, seed)


@drawn(25)
@given(floor_cases(), DRAWN, SEEDS)
def test_monitor_of_positions_on_floors_is_a_full_scan_in_fractions(case: FullCase, path: str, seed: int) -> None:
    along(case, path, seed)


@pytest.mark.parametrize(("preset", "as_of"), PRESETS)
def test_monitor_of_a_book_under_a_shipped_preset_is_a_full_scan_in_fractions(preset: str, as_of: str) -> None:
    text = MarketText(xm.load_market(preset, as_of=as_of).to_toml())

    @drawn(6)
    @given(preset_cases(text), DRAWN, SEEDS)
    def agrees(case: FullCase, path: str, seed: int) -> None:
        along(case, path, seed)

    agrees()
