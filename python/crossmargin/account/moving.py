"""Operations that move money of an account: in and out, behind an isolated position and back."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import one_of, shown
from crossmargin.account.amounts import check_direction, exact, in_steps, limit_in_steps, to_decimal, written
from crossmargin.account.credit import keep, purse_of, time_of, void_by_transfer, voucher_of
from crossmargin.account.errors import FundsError
from crossmargin.account.limits import Limits
from crossmargin.account.state import MODES, ZERO
from crossmargin.account.trades import Desk
from crossmargin.account.views import Pool, Position
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.scores import score

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from crossmargin.account.state import State
    from crossmargin.funds import Rebalance

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Moving(Limits):
    """What cash goes through."""

    __slots__ = ("_direction", "_mode")
    _direction: str | None
    _mode: str

    def deposit(self, asset: str, amount: Number, *, round: str | None = None) -> None:
        """Add cash.

        Parameters
        ----------
        asset : str
            Of the market.
        amount : number
            At least 0, a multiple of the asset's quantum.
        round : {"down", "up", "nearest"}, optional
            Where to go with what is no multiple.

        Raises
        ------
        ArgumentError
            For an unknown asset, a negative amount, and one that is no multiple.
        """
        self._terms.asset(asset)
        moved = self._amount(amount, asset, round, "amount")
        state = self._state.copy()
        state.moved(asset, deposited=moved)
        self._commit(state)

    def withdraw(self, asset: str, amount: Number, *, round: str | None = None) -> None:
        """Take cash out, as much as the venue lets leave; where its rules say so, a bonus of the asset is void then.

        Parameters
        ----------
        asset : str
            Of the market.
        amount : number
            At least 0, a multiple of the asset's quantum.
        round : {"down", "up", "nearest"}, optional
            Where to go with what is no multiple.

        Raises
        ------
        FundsError
            For more than `withdrawable_of` the asset. What is fenced for isolated positions goes back by
            `remove_margin` first.
        MissingPriceError
            Where something is held that has no price yet.
        ArgumentError
            For an unknown asset, a negative amount, and one that is no multiple.
        """
        self._terms.asset(asset)
        moved = self._amount(amount, asset, round, "amount")
        limit = min(self._leaving(asset), max(ZERO, self._state.cash.get(asset, ZERO)))
        if moved > limit:
            raise _refused(moved, limit, asset, "can leave the account")
        state = self._state.copy()
        void_by_transfer(state, self._terms, asset, moved)
        state.moved(asset, withdrawn=moved)
        self._leave(state, asset, moved)

    def add_margin(
        self, instrument: str, amount: Number, *, position_side: str | None = None, round: str | None = None
    ) -> None:
        """Move cash of the account behind an isolated position.

        Parameters
        ----------
        instrument : str
            Name or alias.
        amount : number
            In the settlement asset, at least 0, a multiple of its quantum.
        position_side : {"net", "long", "short"}, optional
            Which leg, where there are several.
        round : {"down", "up", "nearest"}, optional
            Where to go with what is no multiple.

        Raises
        ------
        FundsError
            For more than is `available` in the cross pool that it comes from.
        MissingPriceError
            Where something is held that has no price yet.
        ArgumentError
            For a position that is not there or not isolated, and amounts as of `deposit`.
        """
        key, desk = self._find(instrument, position_side, "isolated"), self._desk(round)
        asset = desk.contract(key).settle
        moved = self._amount(amount, asset, round, "amount")
        self._check_available(moved, asset)
        free = desk.free(asset)
        desk.fence(key, moved)
        desk.check_fences(asset, free)
        self._leave(desk.state, asset, moved)

    def remove_margin(
        self, instrument: str, amount: Number, *, position_side: str | None = None, round: str | None = None
    ) -> None:
        """Move margin of an isolated position back to the account's cash.

        Parameters
        ----------
        instrument : str
            Name or alias.
        amount : number
            In the settlement asset, at least 0, a multiple of its quantum.
        position_side : {"net", "long", "short"}, optional
            Which leg, where there are several.
        round : {"down", "up", "nearest"}, optional
            Where to go with what is no multiple.

        Raises
        ------
        FundsError
            For more than can leave the pool of the position, as `crossmargin.withdrawable` finds it.
        MissingPriceError
            Where the position has no price yet.
        ArgumentError
            For a position that is not there or not isolated, and amounts as of `deposit`.
        """
        key, desk = self._find(instrument, position_side, "isolated"), self._desk(round)
        asset = desk.contract(key).settle
        moved = self._amount(amount, asset, round, "amount")
        limit = self._leaving(asset, key)
        if moved > limit:
            raise _refused(moved, limit, asset, f"can leave the margin of {key[0]}")
        desk.fence(key, -moved)
        self._commit(desk.state)

    def set_margin_mode(
        self,
        instrument: str,
        margin_mode: str,
        *,
        isolated_margin: Number = None,
        position_side: str | None = None,
        round: str | None = None,
    ) -> Position:
        """Move a position between its own pool and the cross pool.

        Parameters
        ----------
        instrument : str
            Name or alias.
        margin_mode : {"cross", "isolated"}
            Where to.
        isolated_margin : number, optional
            Cash to fence for it, in the settlement asset; by default what the market's rules fence at entry.
        position_side : {"net", "long", "short"}, optional
            Which leg, where there are several.
        round : {"down", "up", "nearest"}, optional
            Where to go with what is no multiple of the quantum.

        Returns
        -------
        Position
            The position under its new mode.

        Raises
        ------
        ArgumentError
            For a position that is not there or has that mode, and where there is one of that mode already.
        FundsError
            For more margin than there is cash that is not fenced yet.
        """
        one_of(margin_mode, "margin_mode", MODES)
        other = "cross" if margin_mode == "isolated" else "isolated"
        key, desk = self._find(instrument, position_side, other), self._desk(round)
        asset, moved = desk.contract(key).settle, (key[0], key[1], margin_mode)
        if moved in desk.state.positions:
            raise ArgumentError(f"margin_mode was {margin_mode!r}, and {key[0]} has a position of that mode already")
        fence = None
        if isolated_margin is not None:
            fence = self._amount(isolated_margin, asset, desk.direction, "isolated_margin")
        free = desk.free(asset)
        desk.open(moved, desk.state.positions.pop(key)._replace(isolated_margin=fence))
        desk.check_fences(asset, free)
        self._commit(desk.state)
        return Position(self, moved)

    def rebalance(self, target_ratio: float, *, sweep: str = "none", reference: float | None = None) -> Rebalance:
        """Move the least cash between the pools that brings all of them to a target.

        Parameters
        ----------
        target_ratio : float
            The margin ratio that every pool is to have, above 0.
        sweep : {"none", "surplus", "profit"}
            What then leaves the account, as of `crossmargin.rebalance`.
        reference : float, optional
            The equity above which is profit, for ``sweep="profit"``.

        Returns
        -------
        Rebalance
            As `crossmargin.rebalance` finds it: what was moved, and what each pool still lacks.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        ArgumentError
            As `crossmargin.rebalance`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000}, margin_mode="isolated")
        >>> position = account.open("BTCUSDT", 2, entry_price=50_000, leverage=20, isolated_margin=3_000)
        >>> account.mark({"BTCUSDT": 49_500})
        >>> account.rebalance(2.0).total_moved, position.isolated_margin, position.margin_ratio
        ({'USDT': 3000.0}, 6000.0, 2.0)
        """
        from crossmargin.funds import rebalance  # noqa: PLC0415 - trading does without

        given = None if reference is None else {self._state.key: reference}
        found = self._asked(rebalance, target_ratio, sweep=sweep, reference=given)
        desk = self._desk(None)
        for row, quanta in zip(found.transfers.rows(), found.quanta, strict=True):
            amount = quanta * self._terms.quanta[row["asset"]]
            for end, sign in (("from", -1), ("to", 1)):
                if row[f"{end}_kind"] == "isolated":
                    desk.fence((row[f"{end}_instrument"], row[f"{end}_side"], "isolated"), sign * amount)
            if row["to_kind"] == "out":
                void_by_transfer(desk.state, self._terms, row["asset"], amount)
                desk.state.moved(row["asset"], withdrawn=amount)
        self._commit(desk.state)
        return found

    def bonus(self, asset: str) -> Decimal:
        """Give the bonus in one asset: what is left of its vouchers.

        Parameters
        ----------
        asset : str
            Of the market.

        Returns
        -------
        decimal.Decimal
            In the asset.
        """
        return to_decimal(self._state.bonus(self._terms.asset(asset)))

    def grant_bonus(self, asset: str, amount: Number, *, paid_share: Number = None, expires: Any = None) -> None:
        """Add a voucher: credit that counts as margin, pays its share of losses and fees, and never leaves.

        Parameters
        ----------
        asset : str
            Of the market.
        amount : number
            Above 0, a multiple of the asset's quantum.
        paid_share : number, optional
            What of a loss it pays, above 0 and at most 1; by default the market's.
        expires : int, datetime, numpy.datetime64 or str, optional
            When it is void, as of `Bonus.grant`: `expire_bonus` looks at it.

        Raises
        ------
        ArgumentError
            For a market that has no bonus, an unknown asset, and amounts that are none.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 1_000})
        >>> account.grant_bonus("USDT", 100)
        >>> _ = account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
        >>> account.close("BTCUSDT", price=58_500), account.wallet("USDT"), account.bonus("USDT")
        (Decimal('-150'), Decimal('950'), Decimal('0'))
        """
        state = self._state.copy()
        name = self._terms.asset(asset)
        if not self._terms.has_bonus:
            raise ArgumentError(f"asset was {asset!r}, and {self.market.id!r} has no bonus")
        quantum = self._terms.quanta[name]
        purse = purse_of(state, self._terms, name)
        given = {"amount": amount, "paid_share": paid_share, "expires": expires}
        purse.grant(voucher_of(given, "voucher", quantum, name))
        keep(state, self._terms, name, purse)
        self._commit(state)

    def expire_bonus(self, at: Any) -> None:
        """Let the vouchers go that are void by a time.

        Parameters
        ----------
        at : int, datetime, numpy.datetime64 or str
            The time: nanoseconds since 1970, a datetime, or text in ISO 8601.

        Raises
        ------
        ArgumentError
            For what is no time.
        """
        now, state = time_of(at, "at"), self._state.copy()
        for asset in list(state.vouchers):
            purse = purse_of(state, self._terms, asset)
            purse.expire(now)
            keep(state, self._terms, asset, purse)
        self._commit(state)

    def _desk(self, direction: str | None) -> Desk:
        check_direction(direction)
        return Desk(self._terms, self._state.copy(), direction or self._direction, self._fence_at_entry)

    def _amount(self, amount: Number, asset: str, direction: str | None, name: str) -> Fraction:
        """Take an amount of an asset that is at least 0, in steps."""
        given = exact(amount, name)
        if given < 0:
            raise ArgumentError(f"{name} was {shown(amount)}, expected at least 0")
        return self._money(given, asset, direction, name)

    def _money(self, given: Fraction, asset: str, direction: str | None, name: str) -> Fraction:
        """Take an amount of an asset in steps."""
        check_direction(direction)
        what = f"{name} was {written(given)} {asset}"
        return in_steps(given, self._terms.quanta[asset], direction or self._direction, what)

    def _check_available(self, moved: Fraction, asset: str) -> None:
        """Refuse what is beyond what the cross pool that an asset is in has available."""
        key = self._cross_key(asset)
        held = key in [pool._key for pool in self.pools]
        limit = self._limit(Pool(self, key), "available", asset) if held else ZERO
        if moved > limit:
            raise _refused(moved, limit, asset, "is available")

    def _limit(self, pool: Pool, name: str, asset: str) -> Fraction:
        """Give a figure of a pool in steps of an asset."""
        figure = getattr(pool, name)
        if figure != figure:  # noqa: PLR0124 - NaN: unknown
            raise ArgumentError(f"{name} is unknown, since a leverage is: use set_leverage() first")
        quantum = self._terms.quanta[asset]
        sizes = (pool.wallet_balance, pool.equity, pool.notional, pool.initial_margin)
        largest = max(abs(size) for size in sizes if size == size)  # noqa: PLR0124 - NaN is unknown
        if not self._terms.spans_assets or pool.kind == "isolated":
            return limit_in_steps(figure, quantum, largest)
        rate = 1.0 if asset == pool.asset else self._prices.index.item(self._terms.places[asset])
        spendable = self._desk(None).free(asset) - self._state.credit.get(asset, (ZERO, ZERO))[1]
        return max(ZERO, min(spendable, limit_in_steps(figure / rate, quantum, largest / rate)))

    def _leave(self, state: State, asset: str, moved: Fraction) -> None:
        """Let cash leave a cross pool; of one that spans assets it must still cover its initial margin."""
        book = Book(self.market, **self._tables(state))
        if moved and self._terms.spans_assets:
            scores = score(book, self._prices, ("free_margin", "collateral_value"))
            free, value = scores["free_margin"].item(0), scores["collateral_value"].item(0)
            if free < 0 and limit_in_steps(free, self._terms.quanta[asset], abs(value)) < 0:
                message = f"without {written(moved)} {asset} the pool's initial margin is not covered by {-free:,.10g}"
                raise FundsError(message, asset, to_decimal(moved), to_decimal(ZERO))
        self._commit(state, book)


def _refused(asked: Fraction, limit: Fraction, asset: str, verb: str) -> FundsError:
    message = f"amount was {written(asked)} {asset}, and {written(limit)} {asset} {verb}"
    return FundsError(message, asset, to_decimal(asked), to_decimal(limit))
