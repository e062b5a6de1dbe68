"""How far an account is from liquidation: the questions of `crossmargin.price` asked of its book at its last mark."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from crossmargin.account.amounts import to_decimal
from crossmargin.account.figures import unmarked
from crossmargin.account.reading import Figures
from crossmargin.account.state import ZERO
from crossmargin.errors import ArgumentError, MissingPriceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from numpy.typing import ArrayLike

    from crossmargin.account.state import Key
    from crossmargin.guard import Breaches
    from crossmargin.guard import Limits as OwnLimits
    from crossmargin.modes import ModeComparison
    from crossmargin.price import Contributions, CriticalMoves, Distances, LiquidationPrices, UnderlyingPrices

Found = TypeVar("Found")


class Limits(Figures):
    """Where the pools of an account fail. What is held must be priced: a pool's limit depends on all of it."""

    __slots__ = ()

    @overload
    def liquidation_prices(self, along: Literal["instrument"] = "instrument") -> LiquidationPrices: ...
    @overload
    def liquidation_prices(self, along: Literal["underlying"]) -> UnderlyingPrices: ...
    def liquidation_prices(self, along: str = "instrument") -> LiquidationPrices | UnderlyingPrices:
        """Find the prices at which the account's pools fail, as `crossmargin.liquidation_prices` does.

        Parameters
        ----------
        along : {"instrument", "underlying"}
            What moves: the mark of each position's instrument; or all that is priced by an underlying.

        Returns
        -------
        LiquidationPrices or UnderlyingPrices
            A row per position in the order of `positions`, or a row per pool and underlying.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.

        Examples
        --------
        The price of BTC that ends a position of ETH which is held on its profit:

        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 2_000})
        >>> _ = account.open("ETHUSDT", 4, entry_price=2_500, leverage=10)
        >>> _ = account.open("BTCUSDT", 0.2, entry_price=60_000, leverage=10)
        >>> account.mark({"ETHUSDT": 2_400, "BTCUSDT": 60_000})
        >>> account.liquidation_prices(along="underlying").below.tolist()
        [54750.0, 2137.5]
        """
        from crossmargin.price import liquidation_prices  # noqa: PLC0415 - trading does without

        return self._asked(liquidation_prices, along)

    def liquidation_distance(
        self, shock: str | Mapping[str, float] | ArrayLike, *, assets: Mapping[str, float] | None = None
    ) -> Distances:
        """Find how much of a joint move of all prices each pool stands, as `crossmargin.liquidation_distance` does.

        Parameters
        ----------
        shock, assets : optional
            The move, as of `crossmargin.liquidation_distance`: ``"all_down"``, or moves by name.

        Returns
        -------
        Distances
            A row per pool in the order of `pools`.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        """
        from crossmargin.price import liquidation_distance  # noqa: PLC0415 - trading does without

        return self._asked(liquidation_distance, shock, assets=assets)

    def critical_move(self, volatility: float | Mapping[str, float]) -> CriticalMoves:
        """Find the underlying that kills each pool with the fewest standard deviations.

        Parameters
        ----------
        volatility : float, or mapping of str to float
            Standard deviation of a day's relative move: one for all, or by underlying.

        Returns
        -------
        CriticalMoves
            A row per pool in the order of `pools`, as `crossmargin.critical_move` gives it.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        """
        from crossmargin.price import critical_move  # noqa: PLC0415 - trading does without

        return self._asked(critical_move, volatility)

    def contribution(
        self,
        shock: str | Mapping[str, float] | ArrayLike | None = None,
        *,
        assets: Mapping[str, float] | None = None,
    ) -> Contributions:
        """Say what each position gives to and takes from its pool: now, and where the pool fails.

        Parameters
        ----------
        shock, assets : optional
            A joint move of all prices, as of `crossmargin.liquidation_distance`; without one the underlying that kills
            the pool with the smallest move.

        Returns
        -------
        Contributions
            A row per position in the order of `positions`, as `crossmargin.contribution` gives it.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        """
        from crossmargin.price import contribution  # noqa: PLC0415 - trading does without

        return self._asked(contribution, shock, assets=assets)

    def withdrawable_of(self, asset: str) -> Decimal:
        """Give how much of one asset can leave the account's cross pool, as `crossmargin.withdrawable` finds it.

        Parameters
        ----------
        asset : str
            Of the market.

        Returns
        -------
        decimal.Decimal
            In the asset: what `withdraw` lets go, to the quantum.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        ArgumentError
            For an unknown asset, and where it is unknown, since a leverage is.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000})
        >>> _ = account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
        >>> account.mark({"BTCUSDT": 59_000})
        >>> account.withdrawable_of("USDT")
        Decimal('6500')
        """
        return to_decimal(self._leaving(self._terms.asset(asset)))

    def _leaving(self, asset: str, position: Key | None = None) -> Fraction:
        """Give what can leave the cross pool of an asset, or the margin of an isolated position, exactly."""
        from crossmargin.funds import withdrawable  # noqa: PLC0415 - trading does without

        found = self._asked(withdrawable, missing="null")
        wanted = ("cross", asset, None, None) if position is None else ("isolated", asset, *position[:2])
        names = ("kind", "asset", "instrument", "side")
        for *row, quanta in zip(*(found[name].tolist() for name in names), found.quanta, strict=True):
            if tuple(row) == wanted:
                if quanta is None:
                    self._asked(withdrawable)  # names the prices that are missing
                    raise ArgumentError("withdrawable is unknown, since a leverage is: use set_leverage() first")
                return Fraction(quanta) * self._terms.quanta[asset]
        return ZERO

    def limits(self, limits: OwnLimits | None = None, *, reference: float | None = None) -> Breaches:
        """Say which limits of its owner the account is beyond, as `crossmargin.check_limits` does.

        Parameters
        ----------
        limits : Limits, optional
            What is allowed; by default ``Limits()``.
        reference : float, optional
            The equity that the soft stop measures losses from; without it none is asked.

        Returns
        -------
        Breaches
            False where nothing is broken.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000})
        >>> _ = account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
        >>> account.mark({"BTCUSDT": 56_000})
        >>> account.limits(reference=10_000).reasons()["word"].tolist()
        ['maintenance_share', 'soft_stop']
        """
        from crossmargin.guard import check_limits  # noqa: PLC0415 - trading does without

        given = None if reference is None else {self._state.key: reference}
        return self._asked(check_limits, limits, references=given)

    def compare_modes(self, allot: str | ArrayLike = "initial_margin", **options: Any) -> ModeComparison:
        """Value the account as it is, with everything cross, and with everything isolated.

        Parameters
        ----------
        allot, **options
            As of `crossmargin.compare_modes`; amounts of ``allot`` are in the order of `positions`.

        Returns
        -------
        ModeComparison
            Of one row; ``.of()`` lays the modes beside each other.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        ArgumentError
            As `crossmargin.compare_modes`.

        Examples
        --------
        A winner whose margin is locked where it is isolated:

        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 3_000})
        >>> _ = account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
        >>> account.mark({"BTCUSDT": 66_000})
        >>> found = account.compare_modes()
        >>> found.available_cross.tolist(), found.available_isolated.tolist()
        ([3000.0], [0.0])
        """
        from crossmargin.modes import compare_modes  # noqa: PLC0415 - trading does without

        return self._asked(compare_modes, allot, **options)

    def _asked(self, question: Callable[..., Found], *arguments: Any, **options: Any) -> Found:
        try:
            return question(self._book.copy(), self._prices, *arguments, **options)
        except MissingPriceError as error:
            raise unmarked(error) from None
