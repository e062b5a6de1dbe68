"""Snapshots that are torn, foreign or changed are told; one that is whole goes on where it was."""

import random
from pathlib import Path

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.testing.watching.books import book_kinds
from crossmargin.testing.watching.check import check_batches, monitor_of
from crossmargin.testing.watching.paths import PATHS

KINDS = ("marginal tiers", "haircuts", "two prices, all", "orders, flat", "quanto")


@pytest.fixture(scope="module")
def state() -> bytes:
    return bytes(monitor_of(book_kinds()["haircuts"](12, 3)).snapshot())


def test_seam_snapshot_that_is_cut_off_is_refused_at_every_length(state: bytes) -> None:
    chance = random.Random(1)
    lengths = {0, 1, 7, 8, 15, 16, 31, 32, len(state) - 1, *(chance.randrange(len(state)) for _ in range(300))}
    for length in lengths:
        with pytest.raises(xm.errors.SnapshotError):
            xm.Monitor.restore(state[:length])


def test_seam_snapshot_with_a_flipped_bit_is_refused(state: bytes) -> None:
    chance = random.Random(2)
    places = [*range(min(64, len(state))), *(chance.randrange(len(state)) for _ in range(500)), len(state) - 1]
    for place in places:
        changed = bytearray(state)
        changed[place] ^= 1 << chance.randrange(8)
        with pytest.raises(xm.errors.SnapshotError):
            xm.Monitor.restore(bytes(changed))


def test_seam_snapshot_with_bytes_swapped_added_or_left_out_is_refused(state: bytes) -> None:
    chance = random.Random(3)
    for _ in range(100):
        at, other = sorted(chance.sample(range(len(state)), 2))
        swapped = bytearray(state)
        swapped[at], swapped[other] = swapped[other], swapped[at]
        for changed in (bytes(swapped), state[:at] + state[other:], state[:at] + b"\0" + state[at:]):
            if changed != state:
                with pytest.raises(xm.errors.SnapshotError):
                    xm.Monitor.restore(changed)
    with pytest.raises(xm.errors.SnapshotError):
        xm.Monitor.restore(state + b"\0")


@pytest.mark.parametrize("foreign", [b"", b"{}", b"PK\x03\x04" + bytes(100), bytes(4096), b"\xff" * 4096])
def test_seam_snapshot_of_something_else_is_refused(foreign: bytes, tmp_path: Path) -> None:
    file = tmp_path / "foreign"
    file.write_bytes(foreign)
    with pytest.raises(xm.errors.SnapshotError) as refused:
        xm.Monitor.load(file)
    assert str(file) in "".join(refused.value.__notes__)


@pytest.mark.parametrize("kind", KINDS)
def test_seam_monitor_that_is_restored_gives_the_events_of_one_that_is_not(kind: str) -> None:
    watched = book_kinds()[kind](40, 11)
    rng = np.random.default_rng(11)
    for path in ("jumpy", "back", "together"):
        assert check_batches(watched, PATHS[path](watched, rng, 150), rng) > 0
