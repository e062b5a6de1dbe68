//! What the worst fill of a group's orders requires where each has a leverage of its own.

use std::cmp::Ordering;

use crate::exact::Number;

use super::legs::Sides;

impl<N: Number> Sides<N> {
    /// What is left over leverage when all orders to buy fill, and when all orders to sell do: a position that is enlarged or
    /// reduced stays at its own leverage, what is turned is at that of the orders.
    ///
    /// `over` are the same sides, each position and order over its own leverage. Says where rounding left the sign open.
    pub(super) fn worst_fills_over(&self, over: &Self, open: &mut bool) -> [N; 2] {
        let net = self.long.minus(&self.short);
        let held = (net.abs(), over.long.minus(&over.short).abs());
        let mut sign = |amount: &N| {
            amount.sign().unwrap_or_else(|| {
                *open = true;
                Ordering::Equal
            })
        };
        let side = sign(&net);
        let mut filled = |orders: (&N, &N), against: bool| {
            if side == Ordering::Equal || !against || orders.0.to_f64() == 0.0 {
                return held.1.plus(orders.1);
            }
            let left = held.0.minus(orders.0);
            if sign(&left) == Ordering::Less {
                left.abs().times(orders.1).over(orders.0)
            } else {
                left.times(&held.1).over(&held.0)
            }
        };
        let long = side == Ordering::Greater;
        [filled((&self.buys, &over.buys), !long), filled((&self.sells, &over.sells), long)]
    }
}
