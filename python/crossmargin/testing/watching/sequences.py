"""Random sequences of frames and operations, by the engine and by the reference, step by step.

After each step both must give the same events, in order, and hold the same flags, references and rows; what one
refuses the other must refuse, and nothing may have changed then.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.reference import ReferenceInputError
from crossmargin.reference.ledger import quantum_of, table_rows
from crossmargin.reference.values import parsed
from crossmargin.testing.watching.check import DisagreementError, monitor_of
from crossmargin.testing.watching.drawn import digits, drawn_book
from crossmargin.testing.watching.paths import PATHS
from crossmargin.testing.watching.specified import (
    engine_rows,
    holdings_of,
    named_frame,
    specified_monitor,
    specified_rows,
)
from crossmargin.testing.watching.watched import Watched, reference_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crossmargin.reference.monitor import Monitor

Row = dict[str, Any]

STEPS = (
    "frame",
    "frame",
    "frame",
    "fills",
    "fills",
    "fills",
    "transfers",
    "funding",
    "open",
    "close",
    "replace",
    "reset",
)
"""What a step may be."""

_STRANGERS = 1_000
"""The first key of accounts that are opened later."""


class Sequence:
    """Two monitors of one book, and what happens to them.

    Parameters
    ----------
    watched : Watched
        A book of a few accounts.
    seed : int
        Draws what happens.

    Attributes
    ----------
    done : Counter
        Steps by name; those that were refused by ``refused``.
    n_events : int
        Events that both gave.
    """

    def __init__(self, watched: Watched, seed: int) -> None:
        self.watched = watched
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.engine = monitor_of(watched)
        keys = watched.book.accounts.tolist()
        given = dict(zip(keys, self.engine.soft_stops["reference"].tolist(), strict=True))
        references = {key: value for key, value in given.items() if value == value}  # noqa: PLR0124 - NaN
        self.reference: Monitor[Any] = specified_monitor(watched, references)
        self.done: Counter[str] = Counter()
        self.n_events = 0
        self._path: Iterator[tuple[Any, Any, Any]] = iter(())
        strangers = drawn_book("strangers", watched.book.market, 8, seed + 1)
        self._strangers = self._told(strangers)
        self._agree(self.engine.events, self.reference.events, "construction")

    def _told(self, strangers: Watched) -> dict[int, dict[str, list[Row]]]:
        """Return the tables of accounts to open, by key; only of what has prices."""
        priced = {self.watched.names[0][at] for at in np.flatnonzero(self.watched.levels.mark > 0).tolist()}
        tables = reference_rows(strangers.tables)
        found: dict[int, dict[str, list[Row]]] = {}
        for key in strangers.book.accounts.tolist():
            own = {name: [row for row in rows if row["account"] == key] for name, rows in tables.items()}
            wanted = {row["instrument"] for name in ("positions", "orders") for row in own.get(name, [])}
            if wanted <= priced:
                found[_STRANGERS + key] = {
                    name: [{**row, "account": _STRANGERS + key} for row in rows] for name, rows in own.items()
                }
        return found

    def step(self, word: str | None = None) -> None:
        """Do one thing to both, and compare them."""
        word = str(self.rng.choice(STEPS)) if word is None else word
        given = getattr(self, f"_draw_{word}")()
        if given is None:
            return
        self.done[word] += 1
        before = (self.engine.snapshot(), self.reference.frame)
        wanted: Any
        try:
            wanted = self._specified(word, given)
        except ReferenceInputError as error:
            wanted = error
        try:
            got = self._computed(word, given)
        except ValueError as error:
            if not isinstance(wanted, ReferenceInputError):
                raise DisagreementError(f"{word} {given} was refused: {error}") from error
            self.done["refused"] += 1
            if self.engine.snapshot() != before[0]:
                raise DisagreementError(f"{word} was refused and changed something: {given}") from error
            return
        if isinstance(wanted, ReferenceInputError):
            raise DisagreementError(f"{word} {given} was done, and the reference refuses it: {wanted}")
        self._agree(got, wanted, f"{word} {given}")

    def _specified(self, word: str, given: Any) -> Any:
        reference = self.reference
        if word == "frame":
            return reference.update(**given)
        if word in ("fills", "transfers", "funding"):
            rows, direction = given
            return getattr(reference, f"apply_{word}")(rows, direction)
        if word in ("open", "replace"):
            holdings = holdings_of(self.watched, given)
            return getattr(reference, f"{word}_accounts")(holdings)
        return reference.close_accounts(given) if word == "close" else reference.reset(given)

    def _computed(self, word: str, given: Any) -> Any:
        engine = self.engine
        if word == "frame":
            return engine.update(**given)
        if word in ("fills", "transfers", "funding"):
            rows, direction = given
            return getattr(engine, f"apply_{word}")(_columns(rows), round=direction)
        if word in ("open", "replace"):
            tables = {name: _columns(rows) for name, rows in given.items() if rows or name == "balances"}
            return getattr(engine, f"{word}_accounts")(**tables)
        return engine.close_accounts(given) if word == "close" else engine.reset(given)

    # what happens

    def _open(self) -> list[Any]:
        return list(self.reference.holdings)

    def _one(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def _draw_frame(self) -> Any:
        frame = next(self._path, None)
        if frame is None:
            name = self._one("jumpy", "together", "back", "on triggers", "upward", "ulps")
            ticks = PATHS[name](self.watched, self.rng, int(self.rng.integers(1, 12)))
            self._path = iter([ticks.frame(at) for at in range(len(ticks))])
            frame = next(self._path)
        return named_frame(self.watched, frame)

    def _draw_fills(self) -> Any:
        known = self._open()
        if not known:
            return None
        rows = [self._fill(self._one(*known)) for _ in range(self._one(1, 1, 2, 4))]
        return [row for row in rows if row], self._one("down", "up", "nearest", "nearest", None)

    def _fill(self, account: Any) -> Row:
        holding = self.reference.holdings[account]
        entries: list[Any] = [*holding.positions, *holding.orders]
        hedged = any(one.position_side != "net" for one in entries)
        row: Row = {"account": account}
        if holding.positions and self.rng.random() < 0.75:
            held: Any = self._one(*holding.positions)
            row |= {"instrument": held.instrument.name}
            row |= {"position_side": held.position_side, "margin_mode": held.margin_mode}
            quantity = float(held.quantity) * self._one(-1.0, -0.5, -0.25, 0.5, 1.0, -1.5)
        else:
            at = int(self._one(*self.watched.held.tolist()))
            one = self.watched.specified.instruments[at]
            side = self._one("long", "short") if hedged else "net"
            mode = "isolated" if self.reference.market.rules.isolated and self.rng.random() < 0.3 else "cross"
            row |= {
                "instrument": one.name,
                "position_side": side,
                "margin_mode": mode,
                "leverage": self._one(5.0, 10.0),
            }
            listed = self.watched.tables["positions"]
            sizes = np.abs(listed["quantity"][self.watched.positions_in == at])
            size = float(self.rng.choice(sizes)) if len(sizes) else 1.0
            quantity = size * (1 if side == "long" else -1 if side == "short" else self._one(1, -1))
        row["quantity"] = _rounded(quantity, 8)
        mark = float(self.reference.prices["mark"][row["instrument"]])
        row["price"] = digits(mark * float(np.exp(self.rng.normal(0.0, 0.01))), 6)
        if self.rng.random() < 0.5:
            row["fee"] = digits(abs(float(self.rng.normal(0.0, 1.0))), 4) * self._one(1, 1, -0.1)
        return row if row["quantity"] else {}

    def _draw_transfers(self) -> Any:
        known = self._open()
        if not known:
            return None
        rows = []
        for _ in range(self._one(1, 1, 3)):
            holding = self.reference.holdings[self._one(*known)]
            asset = self._one(*(list(holding.balances) or self.watched.names[1]))
            size = abs(float(holding.wallet(asset))) or 100.0
            amount = _rounded(size * float(self.rng.choice([0.5, 0.1, 1.0, -0.1, -0.3, -1.0])), 8)
            if amount:
                rows.append({"account": holding.account, "asset": asset, "amount": amount})
        return (rows, self._one("down", "up", "nearest", None)) if rows else None

    def _draw_funding(self) -> Any:
        names = [self.watched.names[0][at] for at in self.watched.held.tolist()]
        chosen = self.rng.permutation(len(names))[: self._one(1, 2)]
        rates = [0.0001, -0.0003, 0.01, -0.02]
        return [{"instrument": names[at], "rate": self._one(*rates)} for at in chosen], self._one(
            "down", "up", "nearest"
        )

    def _draw_open(self) -> Any:
        known = [key for key in self._strangers if key not in self.reference.holdings]
        return self._strangers[self._one(*known)] if known else None

    def _draw_close(self) -> Any:
        known = self._open()
        return [self._one(*known)] if len(known) > 1 else None

    def _draw_replace(self) -> Any:
        known = self._open()
        if not known or not self._strangers:
            return None
        rows = self._strangers[self._one(*self._strangers)]
        account = self._one(*known)
        return {name: [{**row, "account": account} for row in listed] for name, listed in rows.items()}

    def _draw_reset(self) -> Any:
        known = self._open()
        return [self._one(*known)] if known else None

    # what must be the same

    def _agree(self, got: Any, wanted: Any, what: str) -> None:
        valuation = self.watched.valuation if self.watched.soft_stop is not None else None
        rows = engine_rows(got), specified_rows(wanted, valuation)
        if rows[0] != rows[1]:
            raise DisagreementError(f"{what}: events were\n{rows[0]}\nexpected\n{rows[1]}")
        self.n_events += len(rows[0])
        for event, expected in zip(got, wanted, strict=True):
            if expected.cause[1] is None and (event.cause, event.cause_name) != expected.cause:
                raise DisagreementError(
                    f"{what}: cause was {event.cause} {event.cause_name}, expected {expected.cause}"
                )
        self._agree_on_flags(what)
        self._agree_on_rows(what)

    def _agree_on_flags(self, what: str) -> None:
        flags = self.engine.flags
        names = [name for name in flags.columns if name.startswith("below_")]
        names += ["liquidation"] if self.watched.liquidation else []
        listed = zip(
            *(flags[name].tolist() for name in ("account", "kind", "asset", "instrument", "side")), strict=True
        )
        got = dict(zip(listed, zip(*(flags[name].tolist() for name in names), strict=True), strict=True))
        reference = self.reference
        wanted = {
            (account, *pool): tuple(flag in found for flag in reference.alerts.flags)
            for account in reference.holdings
            for pool, found in reference.watches[account].flags.items()
        }
        if got != wanted:
            others = {key for key in got.keys() | wanted.keys() if got.get(key) != wanted.get(key)}
            raise DisagreementError(f"{what}: flags differ of {sorted(map(str, others))}")
        if self.watched.soft_stop is None:
            return
        stops = self.engine.soft_stops
        now = {
            key: (stopped, reference_equity)
            for key, stopped, reference_equity in zip(
                *(stops[name].tolist() for name in ("account", "soft_stop", "reference")), strict=True
            )
        }
        for account in reference.holdings:
            watch = reference.watches[account]
            if now[account][0] != watch.stopped:
                raise DisagreementError(
                    f"{what}: soft stop of {account} was {now[account][0]}, expected {watch.stopped}"
                )
            self._agree_on_reference(what, account, now[account][1])

    def _agree_on_reference(self, what: str, account: Any, got: float) -> None:
        """Compare what losses are relative to: equal, but where it is the reported equity, which errs by rounding."""
        watch = self.reference.watches[account]
        if watch.reference is None:
            return
        wanted = float(watch.reference)
        if got != wanted and not abs(got - wanted) <= 1e-9 * max(abs(wanted), 1.0):
            raise DisagreementError(f"{what}: reference of {account} was {got}, expected {wanted}")
        watch.reference = self._exact(got)

    @staticmethod
    def _exact(value: float) -> Any:
        return parsed(value, "reference")

    def _agree_on_rows(self, what: str) -> None:
        tables = reference_rows(self.engine.book.tables())
        for name, keys in (("balances", ("asset",)), ("positions", ("instrument", "position_side", "margin_mode"))):
            got = {
                (row["account"], *(row[key] for key in keys)): {**_usual[name], **row} for row in tables.get(name, [])
            }
            wanted = {
                (account, *(row[key] for key in keys)): {**row, "account": account}
                for account, holding in self.reference.holdings.items()
                for row in table_rows(holding)[name]
            }
            for key in got.keys() | wanted.keys():
                mine, theirs = got.get(key), wanted.get(key)
                if (mine is None or theirs is None) and not _worth(mine or theirs or {}):
                    continue  # a balance of nothing may be there or not
                if mine is None or theirs is None or any(mine.get(column) != theirs[column] for column in theirs):
                    raise DisagreementError(f"{what}: {name} row {key} was {mine}, expected {theirs}")

    def cash_of(self, account: Any, asset: str) -> Any:
        """Return the exact cash of the reference, in quanta."""
        cash = self.reference.holdings[account].wallet(asset)
        return cash / quantum_of(self.reference.market, asset)


_usual: dict[str, Row] = {
    "balances": {"bonus": 0.0, "borrowed": 0.0},
    "positions": {"leverage": None, "isolated_margin": None, "margin_mode": "cross", "position_side": "net"},
}


def _worth(row: Row) -> bool:
    return any(row.get(name) for name in ("wallet_balance", "bonus", "borrowed")) or "quantity" in row


def _columns(rows: list[Row]) -> list[Row]:
    """Give all rows the same columns."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def _rounded(value: float, places: int) -> float:
    return round(value, places) or 0.0
