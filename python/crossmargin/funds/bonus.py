"""A bonus: credit that pays before, or beside, one's own money, and never leaves."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import listed, of_type, shown
from crossmargin._tables import is_mapping
from crossmargin.account.amounts import check_direction, exact, to_decimal, written
from crossmargin.account.credit import FIELDS, Voucher, in_quanta, time_of, voucher_of
from crossmargin.account.errors import FundsError
from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.monitor.moments import NO_TIME
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal
    from fractions import Fraction

    from numpy.typing import NDArray

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Payment(NamedTuple):
    """What a flow changed: own cash and bonus, each negative where it paid."""

    own: Decimal
    bonus: Decimal


class Bonus:
    """The own cash and the vouchers of one asset: who pays what, by the rules of a market.

    A voucher counts as margin as long as it is there, pays its share of losses, funding or fees, and never becomes
    cash: profit is one's own money. Everything is in whole quanta of the asset, exactly.

    Parameters
    ----------
    market : Market
        Whose ``[bonus]`` rules hold.
    asset : str
        Of the market.
    own : number
        Own cash, a multiple of the asset's quantum; may be negative.
    vouchers : sequence, optional
        Amounts, or dicts of ``amount``, ``paid_share`` (what of a flow it pays, above 0 and at most 1; by default the
        market's) and ``expires`` (a time); in the order in which they are used up.
    round : {"down", "up", "nearest"} or None
        Where flows go that are no multiple of the quantum: by default toward less money for the owner; ``None`` refuses
        them.

    Raises
    ------
    ArgumentError
        For a market without a bonus, unknown names, and what is no number or no multiple.

    Notes
    -----
    Of a flow ``F < 0``, what is eligible (``|F|``; where only losses beyond profit are, what of it exceeds the profit
    realised since a voucher last paid) is offered to the vouchers in turn. One of amount ``A`` and share ``s`` pays
    ``min(A, floor(s * eligible))``; what it was too small for goes on to the next, at that one's share. Own cash pays
    the rest. Rules and sources: ``market.rules`` and ``market.sources``.

    Examples
    --------
    A voucher that pays half of the losses beyond profit: of a loss of 110 after a profit of 100 it pays 5.

    >>> import crossmargin as xm
    >>> market = xm.load_market("bingx-usdm", as_of="2026-06-25")
    >>> purse = xm.Bonus(market, "USDT", vouchers=[{"amount": 50, "paid_share": 0.5}])
    >>> purse.profit(100)
    Payment(own=Decimal('100'), bonus=Decimal('0'))
    >>> purse.loss(110)
    Payment(own=Decimal('-105'), bonus=Decimal('-5'))
    >>> purse
    Bonus(own -5 USDT, bonus 45 USDT, market 'bingx-usdm/2026-06-25')
    """

    __slots__ = ("_direction", "_log", "_purse", "_quantum", "asset", "market")
    market: Market
    asset: str
    _purse: engine.Purse
    _quantum: Fraction
    _direction: str | None
    _log: list[tuple[str, Decimal, Payment, Decimal, Decimal]]

    def __init__(
        self,
        market: Market,
        asset: Any,
        own: Number = 0,
        vouchers: Iterable[Any] = (),
        *,
        round: str | None = "down",
    ) -> None:
        if not isinstance(market, Market):
            raise of_type(market, "market", "a Market")
        check_direction(round)
        quanta = dict(zip(market.assets["asset"].tolist(), market.assets["quantum"].tolist(), strict=True))
        if not isinstance(asset, str) or asset not in quanta:
            raise ArgumentError(f"asset was {shown(asset)}, expected one of {', '.join(quanta)}")
        self.market, self.asset = market, asset
        self._quantum = exact(quanta[asset], "quantum")
        self._direction = round
        self._log = []
        given = [self._voucher(voucher, f"vouchers[{at}]") for at, voucher in enumerate(listed(vouchers, "vouchers"))]
        self._purse = engine.Purse(market._core, self._steps(own, "own"), given)

    def profit(self, amount: Number) -> Payment:
        """Realise a profit, which is own money.

        Parameters
        ----------
        amount : number
            At least 0, in the asset.

        Returns
        -------
        Payment
            What changed.
        """
        return self._flow("profit", "loss", self._at_least_0(amount))

    def loss(self, amount: Number) -> Payment:
        """Realise a loss.

        Parameters
        ----------
        amount : number
            At least 0, in the asset.

        Returns
        -------
        Payment
            What own cash and the vouchers paid, negative.
        """
        return self._flow("loss", "loss", -self._at_least_0(amount))

    def funding(self, amount: Number) -> Payment:
        """Settle funding.

        Parameters
        ----------
        amount : number
            What the owner gets; negative: pays.

        Returns
        -------
        Payment
            What changed.
        """
        return self._flow("funding", "funding", exact(amount, "amount"))

    def fee(self, amount: Number) -> Payment:
        """Pay a fee.

        Parameters
        ----------
        amount : number
            What is paid; negative: a rebate, which is own money.

        Returns
        -------
        Payment
            What own cash and the vouchers paid, negative.
        """
        return self._flow("fee", "fee", -exact(amount, "amount"))

    def transfer_in(self, amount: Number) -> Payment:
        """Add own cash.

        Parameters
        ----------
        amount : number
            At least 0, a multiple of the quantum.

        Returns
        -------
        Payment
            What changed.
        """
        quanta = self._steps(self._at_least_0(amount), "amount")
        return self._logged("transfer_in", quanta, self._purse.transfer_in(quanta))

    def transfer_out(self, amount: Number) -> Payment:
        """Take own cash out; where the market says so, all vouchers are void after it.

        Whether margin needs it is not asked: see `withdrawable`.

        Parameters
        ----------
        amount : number
            At least 0, a multiple of the quantum.

        Returns
        -------
        Payment
            What left, and the vouchers that were lost, negative.

        Raises
        ------
        FundsError
            For more than there is of own cash.
        """
        given = self._at_least_0(amount)
        quanta, own = self._steps(given, "amount"), max(self._purse.own(), 0)
        if quanta > own:
            there = self._amount(own)
            message = f"amount was {written(given)} {self.asset}, and {there:,f} {self.asset} are own cash"
            raise FundsError(f"{message}: a bonus does not leave", self.asset, to_decimal(given), there)
        return self._logged("transfer_out", -quanta, self._purse.transfer_out(quanta))

    def grant(self, amount: Number, *, paid_share: Number = None, expires: Any = None) -> Payment:
        """Add a voucher, at the end of the queue.

        Parameters
        ----------
        amount : number
            Above 0, a multiple of the quantum.
        paid_share : number, optional
            What of a flow it pays, above 0 and at most 1; by default the market's.
        expires : int, datetime, numpy.datetime64 or str, optional
            When it is void: nanoseconds since 1970, a datetime, or text in ISO 8601.

        Returns
        -------
        Payment
            What changed.
        """
        voucher = self._voucher({"amount": amount, "paid_share": paid_share, "expires": expires}, "voucher")
        self._purse.grant(voucher)
        return self._logged("grant", voucher[0], (0, voucher[0]))

    def expire(self, at: Any) -> Payment:
        """Let the vouchers go that are void by a time.

        Parameters
        ----------
        at : int, datetime, numpy.datetime64 or str
            The time.

        Returns
        -------
        Payment
            What was lost, negative.
        """
        return self._logged("expire", 0, self._purse.expire(time_of(at, "at")))

    @property
    def own(self) -> Decimal:
        """Own cash."""
        return self._amount(self._purse.own())

    @property
    def bonus(self) -> Decimal:
        """What is left of all vouchers."""
        return self._amount(self._purse.bonus())

    @property
    def realized(self) -> Decimal:
        """Profit, loss and funding since a voucher last paid of either, or since the beginning."""
        return self._amount(self._purse.realized())

    @property
    def vouchers(self) -> Table:
        """What is left of each: ``amount``, ``paid_share`` and ``expires`` (NaT: never), in the order of use."""
        amounts, shares, times = [], [], []
        for quanta, share, expires in self._purse.vouchers():
            amounts.append(float(self._amount(quanta)))
            shares.append(share)
            times.append(NO_TIME if expires is None else expires)
        return Table(
            {
                "amount": np.array(amounts, dtype=np.float64),
                "paid_share": np.array(shares, dtype=np.float64),
                "expires": np.array(times, dtype=np.int64).view("datetime64[ns]"),
            }
        )

    @property
    def log(self) -> Table:
        """What was done, a row each, as doubles.

        Columns ``kind``, ``amount`` (what the owner got), the changes ``own`` and ``bonus``, and what was there then,
        ``own_after`` and ``bonus_after``.
        """
        kinds = np.empty(len(self._log), dtype=object)
        kinds[:] = [kind for kind, *_ in self._log]
        rows = [(amount, *payment, own, bonus) for _, amount, payment, own, bonus in self._log]
        names = ("amount", "own", "bonus", "own_after", "bonus_after")
        columns: dict[str, NDArray[Any]] = {"kind": kinds}
        columns |= {name: np.array([float(row[at]) for row in rows], dtype=np.float64) for at, name in enumerate(names)}
        return Table(columns)

    def copy(self) -> Bonus:
        """Give a purse of its own that holds the same, to try something on."""
        made = object.__new__(type(self))
        made.market, made.asset = self.market, self.asset
        made._quantum, made._direction = self._quantum, self._direction
        made._log = list(self._log)
        made._purse = self._purse.copy()
        return made

    __copy__ = copy

    def _flow(self, word: str, kind: str, amount: Fraction) -> Payment:
        quanta = self._steps(amount, "amount", self._direction)
        return self._logged(word, quanta, self._purse.flow(kind, quanta))

    def _logged(self, word: str, quanta: int, changed: tuple[int, int]) -> Payment:
        payment = Payment(*map(self._amount, changed))
        self._log.append((word, self._amount(quanta), payment, self.own, self.bonus))
        return payment

    def _at_least_0(self, amount: Number) -> Fraction:
        given = exact(amount, "amount")
        if given < 0:
            raise ArgumentError(f"amount was {shown(amount)}, expected at least 0")
        return given

    def _steps(self, amount: Number, name: str, direction: str | None = None) -> int:
        """Take an amount that the owner gets in quanta."""
        return in_quanta(amount, self._quantum, direction, name, self.asset)

    def _amount(self, quanta: int) -> Decimal:
        return to_decimal(quanta * self._quantum)

    def _voucher(self, given: Any, name: str) -> Voucher:
        row = dict(given) if is_mapping(given) else {"amount": given}
        unknown = [key for key in row if key not in FIELDS]
        if unknown or "amount" not in row:
            said = f"had {shown(unknown[0])}" if unknown else "had no amount"
            raise ArgumentError(f"{name} {said}, expected an amount, or a dict of {', '.join(FIELDS)}")
        return voucher_of(row, name, self._quantum, self.asset)

    def __repr__(self) -> str:
        own, bonus = (f"{amount:,f} {self.asset}" for amount in (self.own, self.bonus))
        return f"Bonus(own {own}, bonus {bonus}, market {self.market.id!r})"
