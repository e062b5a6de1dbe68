"""How far an account is from liquidation: the questions of `crossmargin.price` asked of its book at its last mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from crossmargin.account.figures import unmarked
from crossmargin.account.reading import Figures
from crossmargin.errors import MissingPriceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

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

    def _asked(self, question: Callable[..., Found], *arguments: Any, **options: Any) -> Found:
        try:
            return question(self._book, self._prices, *arguments, **options)
        except MissingPriceError as error:
            raise unmarked(error) from None
