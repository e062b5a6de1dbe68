//! Fills: what was traded, and what it does to positions and cash.

use std::collections::BTreeMap;

use crate::book::{Keys, Side, TextKeys};
use crate::error::{FaultKind, Result, shown};
use crate::exact::Exact;

use super::Ledger;
use super::amount::{Direction, Fixed};
use super::staged::{Faulty, Movement, Outcome, Staged, Working, Wrong};
use super::staging::{check_lengths, number, positive};
use super::state::{Leg, State};
use super::trade::{Desk, Opening};

type Checked<T> = std::result::Result<T, Wrong>;

/// Trades that were done: a row per fill, in the order in which they happened.
///
/// A fill reduces the position that it meets, and what is left of it opens: profit or loss is realised at the price of the
/// fill, the entry price of a position that is added to becomes the average by quantity (of an inverse contract that of one
/// over the price). Of an isolated position the closed share of its margin goes back to the account's cash, more where a loss
/// asks for more; fees are paid from there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fills<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// Of which instrument.
    pub instrument: Keys<'a>,
    /// What was bought (positive) or sold, in the unit of the book; a multiple of the lot, or all of the position.
    pub quantity: &'a [f64],
    /// Price of the fill, quote per base.
    pub price: &'a [f64],
    /// What the fill cost, in the settlement asset; negative for a rebate. NaN or no column: by `maker`.
    pub fee: Option<&'a [f64]>,
    /// Whether the fill made (true) or took: the fee is then by the rate of the account's profile, on the notional at the
    /// price of the fill, where `fee` does not say it, less the discount of the profile; a rebate is paid in full. No column:
    /// no fee.
    pub maker: Option<&'a [bool]>,
    /// Leverage of what is opened; NaN or no column: that of the position, or what the account chose for the instrument.
    pub leverage: Option<&'a [f64]>,
    /// Cash to fence for an isolated position that is opened or added to; NaN or no column: by the rules, at entry.
    pub isolated_margin: Option<&'a [f64]>,
    /// `cross` or `isolated` by name; no column or no key: that of the position that is there, or as the account chose.
    pub margin_mode: Option<TextKeys<'a>>,
    /// `net`, `long` or `short` by name; no column or no key: that of the position that is there, or net.
    pub position_side: Option<TextKeys<'a>>,
    /// Where to go with profits, fees and margins that are no multiple of the quantum; `None` refuses them.
    pub round: Option<Direction>,
}

impl Fills<'_> {
    fn check_lengths(&self) -> Result<()> {
        let n = self.account.len();
        let of = |column: Option<&[f64]>| column.map_or(n, <[f64]>::len);
        let texts = |column: Option<TextKeys<'_>>| column.map_or(n, |keys| keys.codes.len());
        let columns = [
            ("fills.instrument", self.instrument.len()),
            ("fills.quantity", self.quantity.len()),
            ("fills.price", self.price.len()),
            ("fills.fee", of(self.fee)),
            ("fills.maker", self.maker.map_or(n, <[bool]>::len)),
            ("fills.leverage", of(self.leverage)),
            ("fills.isolated_margin", of(self.isolated_margin)),
            ("fills.margin_mode", texts(self.margin_mode)),
            ("fills.position_side", texts(self.position_side)),
        ];
        check_lengths(&columns, n)
    }
}

/// A value of an optional column; NaN where there is none.
fn value(column: Option<&[f64]>, row: usize) -> f64 {
    column.map_or(f64::NAN, |column| column[row])
}

/// A name of an optional column, which must be one of a few; `None` where there is none.
fn named(
    column: Option<TextKeys<'_>>,
    row: usize,
    known: &[&str],
    (name, cure): (&'static str, &str),
) -> Checked<Option<usize>> {
    let Some(said) = column.and_then(|keys| keys.names.get(keys.codes[row] as usize)) else { return Ok(None) };
    let found = known.iter().position(|known| said == known);
    found.map(Some).ok_or_else(|| Wrong::new(name, said.clone(), FaultKind::Unknown, cure))
}

impl Ledger {
    /// Makes fills ready, in their order; each account's fills meet what those before them left.
    ///
    /// # Errors
    /// [`crate::Error::Book`] with faults of the table `fills`: unknown or closed accounts, unknown instruments, quantities
    /// that are zero or no multiple of the lot, prices that are not positive, amounts that are no multiple of the quantum
    /// without a direction, another leverage than the position has, losses beyond the margin of an isolated position and
    /// margin beyond the cash that is not fenced yet, and what no book can be of, such as a position beyond the cap of its
    /// tiers. [`crate::Error::Argument`] for columns of unequal length. Nothing is changed.
    ///
    /// # Examples
    /// See [`Ledger`].
    pub fn fills(&self, fills: &Fills<'_>) -> Result<Staged> {
        fills.check_lengths()?;
        let (mut working, mut faults) = (BTreeMap::new(), Faulty::new("fills"));
        let mut outcome = Outcome::default();
        for row in 0..fills.account.len() {
            self.row((&mut working, &mut faults), &fills.account, row, |account, of| {
                let (asset, moved) = self.fill(fills, row, account, of)?;
                outcome.push((row, account, asset), self.quanta[asset], moved);
                Ok(())
            });
        }
        self.stage(working, faults, outcome)
    }

    /// Does one fill to an account; gives the settlement asset and what moved.
    fn fill(&self, fills: &Fills<'_>, row: usize, account: usize, of: &mut Working) -> Checked<(usize, Movement)> {
        let at = self.instrument_at(&fills.instrument, row)?;
        let quantity = number("quantity", fills.quantity[row])?;
        if quantity == 0.0 {
            return Err(Wrong::new("quantity", shown(quantity), FaultKind::Zero, "leave out what was not traded"));
        }
        let price = positive("price", fills.price[row])?;
        let leverage = value(fills.leverage, row);
        if !leverage.is_nan() {
            positive("leverage", leverage)?;
        }
        let instrument = u32::try_from(at).unwrap_or(u32::MAX);
        let leg = leg_of(fills, row, instrument, &of.state)?;
        of.touched.push((row, Some(instrument)));
        let settle = self.market.instruments()[at].settle();
        let fence = self.margin_to_fence(fills, row, settle, leg)?;
        let mut desk =
            Desk { ledger: self, account, state: &mut of.state, direction: fills.round, moved: Movement::default() };
        desk.fill(leg, Fixed::of(quantity), Opening { price, leverage, fence })?;
        if let Some(fee) = self.fee(fills, row, at, desk.state)? {
            desk.charge(settle, &fee)?;
        }
        Ok((settle, desk.moved))
    }

    /// The margin that a row gives to be fenced; NaN where it gives none.
    fn margin_to_fence(&self, fills: &Fills<'_>, row: usize, asset: usize, leg: Leg) -> Checked<f64> {
        let given = value(fills.isolated_margin, row);
        if given.is_nan() {
            return Ok(given);
        }
        let wrong = |kind, cure| Err(Wrong::new("isolated_margin", shown(given), kind, cure));
        if number("isolated_margin", given)? < 0.0 {
            return wrong(FaultKind::Negative, "give the cash to fence for the position");
        }
        if !leg.isolated {
            return wrong(FaultKind::Inconsistent, "a cross position has no isolated margin; leave it out");
        }
        let steps = self.in_quanta(&Exact::from_f64(given), asset, fills.round, "isolated_margin")?;
        Ok(self.quanta[asset].times(steps.count).map_or(given, Fixed::to_f64))
    }

    /// What a fill costs; `None` where nothing says it.
    fn fee(&self, fills: &Fills<'_>, row: usize, at: usize, state: &State) -> Checked<Option<Exact>> {
        let given = value(fills.fee, row);
        if !given.is_nan() {
            return Ok(Some(Exact::from_f64(number("fee", given)?)));
        }
        let Some(makes) = fills.maker else { return Ok(None) };
        if !self.market.states_fees() {
            let cure = "the market states no trading fees; give them as amounts, in fee";
            return Err(Wrong::new("maker", makes[row].to_string(), FaultKind::Inconsistent, cure));
        }
        let profile = &self.market.profiles()[usize::from(state.known.profile)];
        let stated = if makes[row] { profile.maker } else { profile.taker };
        let mut rate = Exact::from_f64(stated);
        if stated > 0.0 && profile.discount > 0.0 {
            rate = rate * (Exact::from_f64(1.0) - Exact::from_f64(profile.discount));
        }
        let value = self.contract(at).value(&Exact::from_f64(fills.price[row])).abs();
        Ok(Some(Exact::from_f64(fills.quantity[row]).abs() * value * rate))
    }
}

/// The position that a fill is of: what the row does not say is as of the one that is there.
fn leg_of(fills: &Fills<'_>, row: usize, instrument: u32, state: &State) -> Checked<Leg> {
    let sides = [Side::Net, Side::Long, Side::Short];
    let side = named(fills.position_side, row, &sides.map(Side::name), ("position_side", "give net, long or short"))?;
    let side = side.map(|at| sides[at]);
    let mode = named(fills.margin_mode, row, &["cross", "isolated"], ("margin_mode", "give cross or isolated"))?
        .map(|at| at == 1);
    let alike = |leg: &Leg| {
        leg.instrument == instrument
            && side.is_none_or(|side| side == leg.side)
            && mode.is_none_or(|isolated| isolated == leg.isolated)
    };
    let mut found = state.positions.iter().map(|held| held.leg).filter(alike);
    let Some(leg) = found.next() else {
        let isolated = mode.unwrap_or_else(|| state.isolates(instrument));
        return Ok(Leg { instrument, side: side.unwrap_or(Side::Net), isolated });
    };
    let Some(other) = found.next() else { return Ok(leg) };
    let column = if other.side == leg.side { "margin_mode" } else { "position_side" };
    let cure = "the account has several positions of the instrument; say which: give its side and mode";
    Err(Wrong::new(column, "null".to_owned(), FaultKind::Missing, cure))
}
