//! Figures of pools added up to those of accounts and books.

use crate::exact::Accumulator;
use crate::pool::Book;

/// Sums a column of pools by account, each pool's amount times the rate of its settlement asset.
///
/// The sum has the order of the account's pools, so that it does not depend on the order of the input rows.
/// `column` has an element per pool, `rate` one per asset of the market.
#[must_use]
pub fn sum_by_account(book: &Book, column: &[f64], rate: &[f64]) -> Vec<f64> {
    let holdings = book.holdings();
    let amount = |pool: usize| column[pool] * rate[holdings.asset(pool)];
    let of_account = |account: usize| holdings.pools_of(account).map(amount).fold(0.0, |sum, x| sum + x);
    (0..holdings.accounts().len()).map(of_account).collect()
}

/// The total of a column, the same bits for any order or partition of the book. NaN elements are left out.
#[must_use]
pub fn total(column: &[f64]) -> f64 {
    let mut sum = Accumulator::new();
    for &x in column.iter().filter(|x| !x.is_nan()) {
        sum.add(x);
    }
    sum.total()
}
