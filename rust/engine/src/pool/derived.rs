//! A pool's figures with how they came about.

use crate::exact::Traced;
use crate::market::{Prices, TriggerPrice};

use super::Book;
use super::evaluate::{PoolValue, Wanted, evaluate};
use super::judge::excess;
use super::moment::Moment;

/// What a constraint asks of a pool, and the figures that it looks at.
pub(crate) struct Tested {
    pub(crate) value: PoolValue<Traced>,
    pub(crate) excess: Traced,
}

/// Evaluates a pool for every constraint, in their order; everything that it holds must have a price.
pub(crate) fn derive(book: &Book, pool: usize, prices: &Prices) -> Vec<Tested> {
    let constraints = book.market().rules().constraints();
    let of = |constraint: &crate::market::Constraint| {
        let mark = if constraint.price == TriggerPrice::Last { prices.last() } else { prices.mark() };
        let value: PoolValue<Traced> = evaluate(book, pool, Moment::still(mark, prices.index()), Wanted::All);
        Tested { excess: excess(constraint, &value), value }
    };
    constraints.iter().map(of).collect()
}
