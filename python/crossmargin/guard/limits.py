"""The limits that an owner sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from crossmargin._arguments import shown, text
from crossmargin.errors import ArgumentError
from crossmargin.monitor.alerts import Alerts, levels_of, number_of, share_of


@dataclass(frozen=True)
class Limits:
    """Limits of one's own, beside those of the venue: what `check_limits` looks at.

    Each is decided exactly, on the decimals that the inputs denote.

    Parameters
    ----------
    levels : sequence of float
        Levels of a pool's margin ratio, positive and distinct, at most 16; kept in descending order. One is broken
        where the pool requires something and ``collateral_value < level * maintenance_margin``.
    soft_stop : float or None
        The share of its reference, between 0 and 1, whose loss stops an account:
        ``equity <= (1 - soft_stop) * reference``.
    maintenance_share : float or None
        The most of an account's equity that the maintenance margin of one position may be: broken where
        ``maintenance_margin > maintenance_share * equity``, and of every position where there is no equity above 0.
    max_leverage : float or None
        The largest effective leverage of an account: broken where ``notional > max_leverage * equity``, of all
        positions, nothing netted; with a position and no equity above 0 always.
    concentration : float or None
        The largest share of an account's notional, up to 1, that may be in one underlying.
    liquidation : bool
        Whether a pool that is `liquidatable <score>` counts as one beyond its limits.
    valuation : str, optional
        The asset that accounts are valued in; by default the market's valuation asset, or the only one that pools
        settle in.

    Raises
    ------
    ArgumentError
        For values that are none of these.

    Notes
    -----
    ``None`` leaves a limit out. The maintenance margin of a position that is opened for a share ``s`` of the equity is
    the size that `size_position` keeps to under the same share.

    Examples
    --------
    >>> import crossmargin as xm
    >>> xm.Limits(levels=(1.5,), max_leverage=3)  # doctest: +ELLIPSIS
    Limits(levels=(1.5,), soft_stop=0.15, maintenance_share=0.02, max_leverage=3.0, concentration=None, ...)
    >>> xm.Limits().words
    ('below_2', 'below_1.5', 'below_1.2')
    """

    levels: tuple[float, ...] = (2.0, 1.5, 1.2)
    soft_stop: float | None = 0.15
    maintenance_share: float | None = 0.02
    max_leverage: float | None = None
    concentration: float | None = None
    liquidation: bool = True
    valuation: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.liquidation, bool):
            raise ArgumentError(f"liquidation was {shown(self.liquidation)}, expected True or False")
        checked: dict[str, object] = {"levels": levels_of(self.levels)}
        if self.soft_stop is not None:
            checked["soft_stop"] = share_of(self.soft_stop, "soft_stop", "a share of the reference", 0.15)
        if self.maintenance_share is not None:
            checked["maintenance_share"] = _positive(self.maintenance_share, "maintenance_share")
        if self.max_leverage is not None:
            checked["max_leverage"] = _positive(self.max_leverage, "max_leverage")
        if self.concentration is not None:
            share = _positive(self.concentration, "concentration")
            if share > 1.0:
                raise ArgumentError(f"concentration was {shown(self.concentration)}, expected a share of at most 1")
            checked["concentration"] = share
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.valuation is not None:
            text(self.valuation, "valuation")

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the levels, in their order."""
        return tuple(f"below_{level:.12g}" for level in self.levels)

    def alerts(self) -> Alerts:
        """Give the part that a `Monitor` watches: levels, soft stop and liquidation.

        Returns
        -------
        Alerts
            Of the same levels; limits of positions and of whole accounts are left to `check_limits`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> xm.Limits(levels=(1.5,), soft_stop=None, max_leverage=3).alerts()
        Alerts(liquidation=True, levels=(1.5,), soft_stop=None, valuation=None)
        """
        return Alerts(self.liquidation, self.levels, self.soft_stop, self.valuation)

    def _core(self) -> tuple[list[float], float | None, float | None, float | None, float | None, bool, str | None]:
        """Give the limits as the compiled half takes them."""
        shares = (self.soft_stop, self.maintenance_share, self.max_leverage, self.concentration)
        return list(self.levels), *shares, self.liquidation, self.valuation


def _positive(value: object, name: str) -> float:
    number = number_of(value, name)
    if not 0.0 < number < math.inf:
        raise ArgumentError(f"{name} was {shown(value)}, expected a positive number, or None")
    return number
