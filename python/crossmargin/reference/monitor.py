"""The monitor, written to be read: every flag of every account, looked at after every frame.

A frame is any set of prices that apply at once; only its end counts. A flag is what the rules say at that moment, and
an event is a flag that is another than at the frame's end before, or than before an operation. Nothing is skipped, and
nothing is kept but the flags.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Generic

from crossmargin.reference import ledger, rules
from crossmargin.reference.accounts import Accounts
from crossmargin.reference.figures import PoolScore, score_pool
from crossmargin.reference.ledger import Holding
from crossmargin.reference.market import Market
from crossmargin.reference.pools import Pool
from crossmargin.reference.rows import MODES, SIDES, Row
from crossmargin.reference.score import Situation
from crossmargin.reference.values import N, cast, exact, parsed, positive, refuse
from crossmargin.reference.verdict import at_risk

QUOTES = ("mark", "index", "last")
"""Kinds of prices, in the order in which they stand for a cause that several of them are."""

PoolKey = tuple[str, str, str | None, str | None]
"""Kind, asset, instrument and side: what tells the pools of an account apart."""

Flag = tuple[str, float | None]
"""An alert and its level: ``("margin_ratio", 1.5)``, ``("liquidation", None)``, ``("soft_stop", 0.15)``."""

Cause = tuple[str, str | None]
"""A kind of price and whose it is, or an operation and None."""

Prices = dict[str, dict[str, Fraction]]


@dataclass(frozen=True)
class Alerts:
    """What is watched for.

    Parameters
    ----------
    liquidation : bool or str
        Whether liquidation is watched; ``"latched"``: once entered it stays until it is reset.
    levels : tuple of float
        Levels of the margin ratio.
    soft_stop : float or None
        The share of its reference whose loss stops an account, until it is reset.
    valuation : str or None
        The asset in which accounts are valued; None for that of the market.
    """

    liquidation: bool | str = True
    levels: tuple[float, ...] = (2.0, 1.5, 1.2)
    soft_stop: float | None = 0.15
    valuation: str | None = None

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags of a pool, in the order of events: levels from the highest, then liquidation."""
        levels: list[Flag] = [("margin_ratio", level) for level in sorted(self.levels, reverse=True)]
        return (*levels, ("liquidation", None)) if self.liquidation else tuple(levels)


@dataclass(frozen=True)
class Event(Generic[N]):
    """A flag that changed; ``pool`` is None for an account. Figures are None of accounts and of pools that are gone."""

    frame: int
    account: Any
    pool: PoolKey | None
    alert: str
    level: float | None
    entered: bool
    cause: Cause
    margin_ratio: N | float | None = None
    excess: N | None = None
    equity: N | None = None


@dataclass
class Watch:
    """What is known of one account: its flags, pool by pool, and what its loss is relative to."""

    flags: dict[PoolKey, frozenset[Flag]] = field(default_factory=dict)
    stopped: bool = False
    reference: Fraction | None = None


@dataclass(frozen=True)
class Look(Generic[N]):
    """One account at one moment: its pools with their figures, whether each can be liquidated, and its equity."""

    pools: tuple[tuple[Pool, PoolScore[N], bool], ...]
    equity: N | None

    def score(self, key: PoolKey) -> PoolScore[N] | None:
        """Return the figures of a pool, if it is there."""
        return next((score for pool, score, _ in self.pools if key_of(pool) == key), None)


def key_of(pool: Pool) -> PoolKey:
    """Return what tells a pool from the others of its account."""
    return (pool.kind, pool.asset, pool.instrument, pool.side)


class Monitor(Generic[N]):
    """Accounts that are watched.

    Parameters
    ----------
    market : Market
        The rules.
    holdings : mapping
        Accounts by key: see `crossmargin.reference.ledger.read_holdings`.
    prices : mapping
        ``mark``, ``index`` and ``last`` prices by name, as far as there are.
    alerts : Alerts
        What is watched for.
    references : mapping, optional
        What losses of accounts are relative to; of the others their equity now, to the nearest double.
    number : {Fraction, Decimal, float}
        The number type to calculate in. `Fraction` is exact.

    Attributes
    ----------
    frame : int
        The number of the last frame; 0 before the first.
    events : list of Event
        What the construction brought.

    Examples
    --------
    >>> from crossmargin.reference import load_market
    >>> from crossmargin.reference.ledger import read_holdings
    >>> market = load_market('''
    ... schema = 1
    ... [trigger]
    ... level = 1
    ... zero_fails = false
    ... [[asset]]
    ... name = "USDT"
    ... [[instrument]]
    ... name = "X"
    ... quote = "USDT"
    ... [tiers.X]
    ... floor = [0]
    ... maintenance_rate = [0.1]
    ... ''')
    >>> cash = [{"account": "ann", "asset": "USDT", "wallet_balance": 30}]
    >>> held = [{"account": "ann", "instrument": "X", "quantity": 1, "entry_price": 100}]
    >>> monitor = Monitor(market, read_holdings(market, cash, held), {"mark": {"X": 100}}, Alerts(levels=(2.0,)))
    >>> for event in monitor.update(mark={"X": 88}) + monitor.update(mark={"X": 77}):
    ...     print(event.frame, event.alert, event.level, event.cause, event.excess)
    1 soft_stop 0.15 ('mark', 'X') None
    2 margin_ratio 2.0 ('mark', 'X') -7/10
    2 liquidation None ('mark', 'X') -7/10
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is watched, and how
        self,
        market: Market,
        holdings: Mapping[Any, Holding],
        prices: Mapping[str, Mapping[str, Any]],
        alerts: Alerts | None = None,
        references: Mapping[Any, Any] | None = None,
        accounts: Accounts | None = None,
        number: type[Any] = Fraction,
    ) -> None:
        self.market, self.alerts, self.number = market, alerts or Alerts(), number
        self.accounts = accounts or Accounts(market, {})
        self.holdings: dict[Any, Holding] = {}
        self.watches: dict[Any, Watch] = {}
        self.order: list[Any] = []
        """Accounts as they were first seen; one that was closed keeps its place."""
        self.frame = 0
        self.prices: Prices = {quote: {} for quote in QUOTES}
        self._apply(prices)
        self.events: list[Event[N]] = []
        for account, holding in holdings.items():
            self._put(account, holding)
            self._begin(account)
            if account in (references or {}):
                self.watches[account].reference = parsed((references or {})[account], "reference")
        for account in holdings:
            self.events += self._changed(account, ("construction", None))

    # frames

    def update(
        self,
        mark: Mapping[str, Any] | None = None,
        *,
        index: Mapping[str, Any] | None = None,
        last: Mapping[str, Any] | None = None,
    ) -> list[Event[N]]:
        """Apply the prices of a frame, and return the flags that are others at its end."""
        before = {quote: dict(prices) for quote, prices in self.prices.items()}
        given = {"mark": mark or {}, "index": index or {}, "last": last or {}}
        moved = self._apply(given)
        self.frame += 1
        found: list[Event[N]] = []
        for account in self._open():
            events = self._changed(account, None)
            found += [replace(event, cause=self._cause(event, moved, before)) for event in events]
        return found

    def _apply(self, prices: Mapping[str, Mapping[str, Any]]) -> list[Cause]:
        """Write prices over the present ones; return those that came, in market order."""
        read: Prices = {}
        for quote, given in prices.items():
            of = self.market.asset if quote == "index" else self.market.instrument
            read[quote] = {of(name, quote).name: positive(price, f"{quote}.{name}") for name, price in given.items()}
        for quote, values in read.items():
            self.prices[quote] |= values
        found: list[Cause] = []
        for quote in QUOTES:
            listed: Sequence[Any] = self.market.assets if quote == "index" else self.market.instruments
            found += [(quote, one.name) for one in listed if one.name in read.get(quote, {})]
        return found

    def _cause(self, event: Event[N], moved: Sequence[Cause], before: Prices) -> Cause:
        """Return the price that moved the owner furthest in the event's way.

        Formula: ``figure(now) - figure(now, with that price alone as it was before the frame)``, of the excess of a
        pool, or the equity of an account; the lowest for a flag that was entered, the highest for one that was left,
        of equal ones the first.
        """
        touching = [price for price in moved if self._touches(event, price)]
        if not touching:
            raise refuse("frame", event, "a price of the frame that touches what changed")
        now = self._figure(event, self.prices)
        best, furthest = touching[0], None
        for quote, name in touching:
            without = {kind: dict(prices) for kind, prices in self.prices.items()}
            if name in before[quote]:
                without[quote][str(name)] = before[quote][str(name)]
            by = now - self._figure(event, without)
            by = -by if event.entered else by
            if furthest is None or by > furthest:
                best, furthest = (quote, name), by
        return best

    def _figure(self, event: Event[N], prices: Prices) -> Any:
        look = self.look(event.account, prices)
        if event.pool is None:
            return look.equity
        score = look.score(event.pool)
        assert score is not None
        return score.excess

    def _touches(self, event: Event[N], price: Cause) -> bool:
        """Whether a price is one that an owner looks at."""
        quote, name = price
        holding = self.holdings[event.account]
        pools = [pool for pool in holding.pools(self.market) if event.pool in (None, key_of(pool))]
        if quote == "index":
            several = self.market.rules.cross_pool == "per_account"
            layers = {layer.asset for pool in pools if several and pool.kind == "cross" for layer in pool.layers}
            return name in layers or (event.pool is None and name in {pool.asset for pool in pools})
        if quote == "last" and all(one.price != "last" for one in self.market.rules.constraints):
            return False
        parts = pools + [part for pool in pools for part in pool.enlarged]
        positions = any(one.instrument.name == name for pool in parts for one in pool.positions)
        return positions or any(one.instrument.name == name for pool in parts for one in pool.orders)

    # operations

    def apply_fills(self, fills: Iterable[Row], direction: str | None = None) -> list[Event[N]]:
        """Apply fills, a row each with its ``account``: see `crossmargin.reference.ledger.fill`."""
        return self._each(fills, "fills", lambda holding, row: ledger.fill(self.market, holding, row, direction))

    def apply_transfers(self, transfers: Iterable[Row], direction: str | None = None) -> list[Event[N]]:
        """Move cash, and what losses are relative to with it: see `crossmargin.reference.ledger.transfer`."""
        moved: list[tuple[Any, float]] = []

        def move(holding: Holding, row: Row) -> Holding:
            after = ledger.transfer(self.market, holding, row, direction)
            amount = after.wallet(row["asset"]) - holding.wallet(row["asset"])
            moved.append((holding.account, float(amount) * float(self._rate(row["asset"]))))
            return after

        after = self._checked(self._after(transfers, move))
        for account, worth in moved if self.alerts.soft_stop is not None else ():
            watch = self.watches[account]
            if watch.reference is not None:
                watch.reference = parsed(float(watch.reference) + worth, "reference")
        return self._commit(after, "transfers")

    def apply_funding(self, rates: Iterable[Row], direction: str | None = "down") -> list[Event[N]]:
        """Pay funding of all holders of instruments: see `crossmargin.reference.ledger.fund`."""
        after = dict(self.holdings)
        for row in rates:
            mark = self.prices["mark"].get(row["instrument"])
            after = {key: ledger.fund(self.market, one, row, mark, direction) for key, one in after.items()}
        return self._commit(self._checked(after), "funding")

    def open_accounts(self, holdings: Mapping[Any, Holding]) -> list[Event[N]]:
        """Watch further accounts."""
        known = next((account for account in holdings if account in self.holdings), None)
        if known is not None:
            raise refuse("account", known, "an account that is not open")
        for account, holding in holdings.items():
            self._put(account, holding)
            self._begin(account)
        return self._events(holdings, "open")

    def close_accounts(self, accounts: Iterable[Any]) -> list[Event[N]]:
        """Watch accounts no more: what was set is left."""
        found: list[Event[N]] = []
        for account in sorted(accounts, key=self.order.index):
            watch = self.watches.pop(account)
            del self.holdings[account]
            for key, flags in watch.flags.items():
                found += [self._gone(account, key, flag, "close") for flag in self.alerts.flags if flag in flags]
            if watch.stopped:
                found.append(self._gone(account, None, ("soft_stop", self.alerts.soft_stop), "close"))
        return found

    def replace_accounts(self, holdings: Mapping[Any, Holding]) -> list[Event[N]]:
        """Give accounts other rows; those that are not open are opened."""
        for account, holding in holdings.items():
            if account in self.holdings:
                self.holdings[account] = holding
            else:
                self._put(account, holding)
                self._begin(account)
        return self._events(holdings, "replace")

    def reset(self, accounts: Iterable[Any] | None = None) -> list[Event[N]]:
        """Open the latches of accounts: flags are what they are now, and losses are relative to the equity now."""
        chosen = list(self.holdings) if accounts is None else list(accounts)
        for account in chosen:
            self._begin(account)
        return self._events(chosen, "reset", fresh=True)

    def _each(self, listed: Iterable[Row], word: str, act: Any) -> list[Event[N]]:
        return self._commit(self._checked(self._after(listed, act)), word)

    def _after(self, listed: Iterable[Row], act: Any) -> dict[Any, Holding]:
        """Return the accounts after all rows; nothing is changed where one is refused."""
        after = dict(self.holdings)
        for row in listed:
            if row["account"] not in after:
                raise refuse("account", row["account"], "an open account")
            after[row["account"]] = act(after[row["account"]], row)
        return after

    def _checked(self, after: dict[Any, Holding]) -> dict[Any, Holding]:
        """Refuse what no book can be of; nothing is changed then."""
        for account, holding in after.items():
            if holding is not self.holdings[account]:
                ledger.checked(self.market, self.accounts, holding)
        return after

    def _commit(self, after: dict[Any, Holding], word: str) -> list[Event[N]]:
        changed = [account for account, holding in after.items() if holding is not self.holdings[account]]
        self.holdings = after
        return self._events(changed, word)

    def _events(self, accounts: Iterable[Any], word: str, *, fresh: bool = False) -> list[Event[N]]:
        found: list[Event[N]] = []
        for account in sorted(accounts, key=self.order.index):
            found += self._changed(account, (word, None), fresh=fresh)
        return found

    def _put(self, account: Any, holding: Holding) -> None:
        self.holdings[account] = holding
        self.watches[account] = Watch()
        if account not in self.order:
            self.order.append(account)

    def _open(self) -> Iterator[Any]:
        return (account for account in self.order if account in self.holdings)

    # flags

    def look(self, account: Any, prices: Prices | None = None) -> Look[N]:
        """Score the pools of an account at the present prices, or others."""
        prices = self.prices if prices is None else prices
        pools = tuple(self.holdings[account].pools(self.market))
        index = dict(prices["index"])
        if self.market.rules.valuation_asset is not None:
            index.setdefault(self.market.rules.valuation_asset, Fraction(1))
        lasts = any(one.price == "last" for one in self.market.rules.constraints)
        now = Situation(self.market, pools, prices["mark"], index, prices["last"] if lasts else None)
        runs = now.runs(self.number)
        first = runs[self.market.rules.constraints[0].price]
        scored = tuple((pool, score_pool(runs, pool), at_risk(first, pool)) for pool in pools)
        if self.alerts.soft_stop is None:
            return Look(scored, None)
        equity = self.number(0)
        for pool, score, _ in scored:
            equity = equity + first.cast(self._rate(pool.asset, index)) * score.equity
        return Look(scored, equity)

    def _rate(self, asset: str, index: Mapping[str, Fraction] | None = None) -> Fraction:
        """Return the value of one unit of an asset in the asset in which accounts are valued."""
        target = self._valuation()
        if asset == target:
            return Fraction(1)
        index = self.prices["index"] if index is None else index
        return index[asset] / index.get(target, Fraction(1))

    def _valuation(self) -> str:
        chosen = self.alerts.valuation or self.market.rules.valuation_asset
        if chosen is not None:
            return chosen
        held = {pool.asset for holding in self.holdings.values() for pool in holding.pools(self.market)}
        if len(held) != 1:
            raise refuse("valuation", None, "an asset in which accounts are valued")
        return held.pop()

    def _begin(self, account: Any) -> None:
        """Let the loss of an account be relative to its equity now, to the nearest double."""
        equity = self.look(account).equity
        self.watches[account].reference = None if equity is None else parsed(float(equity), "equity")

    def flags_now(self, look: Look[N]) -> dict[PoolKey, frozenset[Flag]]:
        """Return the flags of the pools of an account, as they are without latches.

        Formula: liquidation is the verdict over all constraints. A level L is passed where there is anything to
        liquidate, something is required, and ``collateral_value < L * maintenance_margin``.
        """
        return {key_of(pool): frozenset(self._set(score, risk)) for pool, score, risk in look.pools}

    def _set(self, score: PoolScore[N], risk: bool) -> Iterator[Flag]:
        for alert, level in self.alerts.flags:
            if level is None:
                passed = score.liquidatable
            else:
                required = score.maintenance_margin
                bar = self._cast(exact(level)) * required
                passed = risk and bool(required > 0) and bool(rules.excess(score.collateral_value, bar, self._one) < 0)
            if passed:
                yield alert, level

    @property
    def _one(self) -> Any:
        return self.number(1)

    def _cast(self, value: Fraction) -> Any:
        return cast(value, self.number)

    def _stops(self, watch: Watch, look: Look[N]) -> bool:
        """Whether an account has lost the share of its reference.

        Formula: ``equity <= (1 - soft_stop) * reference``, with a reference above zero.
        """
        if self.alerts.soft_stop is None or watch.reference is None or watch.reference <= 0:
            return False
        return bool(look.equity <= self._cast((1 - exact(self.alerts.soft_stop)) * watch.reference))

    def _changed(self, account: Any, cause: Cause | None, *, fresh: bool = False) -> list[Event[N]]:
        """Look at an account, keep its flags, and return those that changed; ``fresh`` forgets latches."""
        watch, look = self.watches[account], self.look(account)
        now, before = self.flags_now(look), watch.flags
        if self.alerts.liquidation == "latched" and not fresh:
            latch: Flag = ("liquidation", None)
            now = {key: flags | ({latch} & before.get(key, frozenset())) for key, flags in now.items()}
        stopped = (watch.stopped and not fresh) or self._stops(watch, look)
        said = cause or ("", None)
        found: list[Event[N]] = []
        for pool in sorted(now.keys() | before.keys(), key=self._place):
            score = look.score(pool)
            figures: tuple[Any, Any, Any] = (score.margin_ratio, score.excess, score.equity) if score else (None,) * 3
            set_now, set_before = (flags.get(pool, frozenset()) for flags in (now, before))
            found += [
                Event(self.frame, account, pool, *flag, flag in set_now, said, *figures)
                for flag in self.alerts.flags
                if (flag in set_now) != (flag in set_before)
            ]
        if stopped != watch.stopped:
            flag = ("soft_stop", self.alerts.soft_stop)
            found.append(Event(self.frame, account, None, *flag, stopped, said, equity=look.equity))
        watch.flags, watch.stopped = now, stopped
        return found

    def _place(self, key: PoolKey) -> tuple[int, int, int, int]:
        """Return where a pool is among those of its account, whether or not it is there."""
        kind, asset, instrument, side = key
        assets, instruments = ([one.name for one in listed] for listed in (self.market.assets, self.market.instruments))
        if instrument is None:
            return MODES.index(kind), assets.index(asset), 0, 0
        return MODES.index(kind), assets.index(asset), instruments.index(instrument), SIDES.index(str(side))

    def _gone(self, account: Any, pool: PoolKey | None, flag: Flag, word: str) -> Event[N]:
        return Event(self.frame, account, pool, *flag, False, (word, None))
