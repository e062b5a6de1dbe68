"""Questions before a trade of an account: the questions of `crossmargin.orders` asked of its book at its last mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.account.ordering import Ordering

if TYPE_CHECKING:
    from crossmargin.orders import Verdict

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Deciding(Ordering):
    """Whether an order fits."""

    __slots__ = ()

    def check(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        price: Number = None,
        *,
        leverage: Number = None,
        margin_mode: str | None = None,
        position_side: str | None = None,
        trigger_price: Number = None,
        reduce_only: bool = False,
    ) -> Verdict:
        """Decide whether an order fits, as `crossmargin.check_order` does; nothing is placed.

        Parameters
        ----------
        instrument, quantity, price, leverage, margin_mode, position_side, trigger_price, reduce_only
            As of `place`.

        Returns
        -------
        Verdict
            True where it fits.

        Raises
        ------
        ArgumentError, BookError
            For what is no order.
        MissingPriceError
            Before the first mark of what is held and ordered.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 500})
        >>> account.mark({"BTCUSDT": 60_000})
        >>> account.check("BTCUSDT", "0.1", 59_000, leverage=10).reason
        'margin'
        >>> bool(account.check("BTCUSDT", "0.1", 59_000, leverage=20))
        True
        """
        return self._verdict(
            self._order_of(
                instrument,
                quantity,
                price,
                leverage=leverage,
                margin_mode=margin_mode,
                position_side=position_side,
                trigger_price=trigger_price,
                reduce_only=reduce_only,
            )
        )
