//! Funding: what holders of an instrument pay each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::book::Keys;
use crate::error::{FaultKind, Result};
use crate::exact::Exact;
use crate::market::Prices;

use super::Ledger;
use super::amount::Direction;
use super::bonus::Flow;
use super::staged::{Faulty, Movement, Outcome, Staged, Working, Wrong};
use super::staging::{check_lengths, number, positive};
use super::state::State;
use super::trade::Desk;

/// Rates at which holders of instruments pay each other: a row per instrument.
///
/// The owner of a position gets `-quantity * |x(price)| * rate`, with the notional of a unit of quantity at the price: at a
/// positive rate who is long pays. Each payment is rounded to the quantum by itself.
#[derive(Debug, Clone, Copy)]
pub struct Funding<'a> {
    /// Whose holders; each instrument at most once.
    pub instrument: Keys<'a>,
    /// Share of the notional; positive: longs pay shorts.
    pub rate: &'a [f64],
    /// Price of the notional; NaN or no column: the mark.
    pub price: Option<&'a [f64]>,
    /// Where to go with what is no multiple of the quantum; `None` refuses it.
    pub round: Option<Direction>,
}

impl Default for Funding<'_> {
    fn default() -> Self {
        Self { instrument: Keys::default(), rate: &[], price: None, round: Some(Direction::Down) }
    }
}

/// A row of funding: where it is, and the rate and price that it says.
struct Paid {
    row: usize,
    rate: Exact,
    price: Exact,
}

impl Ledger {
    /// Makes funding ready: every holder of the instruments pays or is paid, in order of the accounts.
    ///
    /// Of an isolated position it comes out of what is fenced for it, and goes there; what is more than fenced comes from
    /// the account's cash. Wallets may become negative.
    ///
    /// # Errors
    /// [`crate::Error::Book`] with faults of the table `funding`: unknown instruments and those given twice, rates that are
    /// no numbers, missing prices, and amounts that are no multiple of the quantum without a direction.
    /// [`crate::Error::Argument`] for columns of unequal length. Nothing is changed.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
    /// # use crossmargin::ledger::{Funding, Ledger};
    /// # use crossmargin::market::Prices;
    /// # use crossmargin::{Book, Market};
    /// # let market = Arc::new(Market::preset("binance-usdm", None)?);
    /// # let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
    /// # let tables = Tables {
    /// #     balances: Balances {
    /// #         account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[10_000.0], ..Balances::default()
    /// #     },
    /// #     positions: Positions {
    /// #         account: Keys::Int(&[7]), instrument: Keys::Int(&[btc]), quantity: &[0.5], entry_price: &[60_000.0],
    /// #         ..Positions::default()
    /// #     },
    /// #     ..Tables::default()
    /// # };
    /// # let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;
    /// # let prices = Prices::by_name(&market, &[], &[])?;
    /// let ledger = Ledger::new(Arc::new(book));
    /// let funding =
    ///     Funding { instrument: Keys::Int(&[btc]), rate: &[0.0001], price: Some(&[64_000.0]), ..Funding::default() };
    /// assert_eq!(ledger.funding(&funding, &prices)?.outcome().amount, [-3.2]);
    /// # Ok::<(), crossmargin::Error>(())
    /// ```
    pub fn funding(&self, funding: &Funding<'_>, prices: &Prices) -> Result<Staged> {
        let n = funding.instrument.len();
        let of_price = funding.price.map_or(n, <[f64]>::len);
        check_lengths(&[("funding.rate", funding.rate.len()), ("funding.price", of_price)], n)?;
        let mut faults = Faulty::new("funding");
        let mut rates: Vec<Option<Paid>> = self.market.instruments().iter().map(|_| None).collect();
        for row in 0..n {
            match self.rate(funding, prices, row) {
                Ok((at, rate)) => {
                    if let Some(first) = &rates[at] {
                        let cure = format!("row {} has the same instrument; give it once", first.row);
                        let value = funding.instrument.show(row);
                        faults.add(row, Wrong::new("instrument", value, FaultKind::Duplicate, cure));
                    } else {
                        rates[at] = Some(rate);
                    }
                }
                Err(wrong) => faults.add(row, wrong),
            }
        }
        let mut faults = faults.passed()?;
        let (mut working, mut outcome) = (BTreeMap::new(), Outcome::default());
        for account in self.holders(&rates) {
            let mut of = Working { state: self.state(account), ..Working::default() };
            for held in 0..of.state.positions.len() {
                let instrument = of.state.positions[held].leg.instrument;
                let Some(rate) = &rates[instrument as usize] else { continue };
                of.touched.push((rate.row, Some(instrument)));
                match self.pay_funding(account, (&mut of.state, held), rate, funding.round) {
                    Ok((asset, moved)) => outcome.push((rate.row, account, asset), self.quanta[asset], moved),
                    Err(wrong) => faults.add(rate.row, wrong),
                }
            }
            working.insert(u32::try_from(account).unwrap_or(u32::MAX), of);
        }
        self.stage(working, faults, outcome)
    }

    fn rate(&self, funding: &Funding<'_>, prices: &Prices, row: usize) -> std::result::Result<(usize, Paid), Wrong> {
        let at = self.instrument_at(&funding.instrument, row)?;
        let rate = number("rate", funding.rate[row])?;
        let given = funding.price.map_or(f64::NAN, |column| column[row]);
        let price = if given.is_nan() { prices.mark()[at] } else { positive("price", given)? };
        if price.is_nan() {
            let cure = "give the price of the notional, or the mark";
            return Err(Wrong::new("price", "null".to_owned(), FaultKind::Missing, cure));
        }
        Ok((at, Paid { row, rate: Exact::from_f64(rate), price: Exact::from_f64(price) }))
    }

    /// The accounts that hold an instrument with a rate, ascending.
    fn holders(&self, rates: &[Option<Paid>]) -> Vec<usize> {
        let has = |instrument: u32| rates[instrument as usize].is_some();
        let base = self.places.base();
        let by_class: Vec<bool> = base.holdings().classes.iter().map(|class| has(class.instrument)).collect();
        let holds = |account: &usize| {
            let (book, pools) = self.places.pools(*account);
            let holdings = book.holdings();
            let positions = match pools.len() {
                0 => 0..0,
                _ => holdings.positions_of(pools.start).start..holdings.positions_of(pools.end - 1).end,
            };
            if Arc::ptr_eq(book, base) {
                return holdings.class[positions].iter().any(|&class| by_class[usize::from(class)]);
            }
            holdings.class[positions].iter().any(|&class| has(holdings.classes[usize::from(class)].instrument))
        };
        (0..self.n_accounts()).filter(holds).collect()
    }

    /// Pays funding of one position; gives the settlement asset and what moved.
    fn pay_funding(
        &self,
        account: usize,
        (state, held): (&mut State, usize),
        rate: &Paid,
        round: Option<Direction>,
    ) -> std::result::Result<(usize, Movement), Wrong> {
        let position = state.positions[held].clone();
        let contract = self.contract(position.leg.instrument as usize);
        let notional = position.quantity.fixed().to_exact() * contract.value(&rate.price).abs();
        let steps = self.in_quanta(&-(notional * rate.rate.clone()), contract.settle, round, "rate")?;
        let mut desk = Desk { ledger: self, account, state, direction: round, moved: Movement::default() };
        if position.leg.isolated {
            desk.fence_more(&contract, held, steps.count)?;
        }
        desk.flow(contract.settle, steps.count, (Flow::Funding, "rate"))?;
        Ok((contract.settle, Movement { amount: steps.count, remainder: steps.remainder, ..desk.moved }))
    }
}
