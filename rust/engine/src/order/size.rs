//! How large a position can be: of the limits on its loss, its maintenance margin, its leverage and its tier, the least.

use std::sync::Arc;

use crate::book::{MarginClass, QuantityUnit, Side};
use crate::error::{Error, Result, shown};
use crate::exact::Exact;
use crate::market::{Market, Prices};
use crate::pool::{Book, KnownTables};

use super::FillFee;
use super::equity::equity_in;
use super::gate::Proposed;
use super::largest::{Asked, largest};
use super::row::Met;
use super::worth::{Terms, Worth};

/// What bounds a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SizeLimit {
    /// The loss from the entry to the stop, with slippage and fees.
    Loss = 0,
    /// The maintenance margin as a share of the equity.
    Maintenance = 1,
    /// The largest size whose tier allows the leverage.
    Leverage = 2,
    /// The end of the last tier.
    Cap = 3,
    /// What the account has margin for.
    Margin = 4,
}

impl SizeLimit {
    /// All, in the order in which the first of several equal ones is said to bind.
    pub const ALL: [Self; 5] = [Self::Loss, Self::Maintenance, Self::Leverage, Self::Cap, Self::Margin];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Maintenance => "maintenance",
            Self::Leverage => "leverage",
            Self::Cap => "cap",
            Self::Margin => "margin",
        }
    }
}

/// Positions whose size is asked for: columns of one length, a row for each.
#[derive(Debug, Clone, Copy)]
pub struct SizeRows<'a> {
    /// The instrument, in the market's order.
    pub instrument: &'a [u32],
    /// Whether it is long.
    pub buy: &'a [bool],
    /// Equity, in the instrument's settlement asset; NaN: that of the account.
    pub equity: &'a [f64],
    /// The most that may be lost at the stop: a fraction of the equity, or an amount in the settlement asset.
    pub max_loss: &'a [f64],
    /// Whether [`Self::max_loss`] are amounts.
    pub loss_is_amount: bool,
    /// Where it is opened, quote per base.
    pub entry_price: &'a [f64],
    /// Where it is closed with a loss, quote per base; NaN: no limit on the loss.
    pub stop_price: &'a [f64],
    /// How much worse both fills are than their prices, a fraction of these.
    pub slippage: &'a [f64],
    /// Leverage; NaN: as the account chose, and no limit by the tier without it.
    pub leverage: &'a [f64],
    /// The most that the maintenance margin may be of the equity, a fraction; NaN: no limit.
    pub maintenance_share: &'a [f64],
    /// What opening pays.
    pub fee: FillFee,
    /// What closing at the stop pays.
    pub exit_fee: FillFee,
    /// The fee profile, in the market's order; with a room the account's own.
    pub profile: u16,
    /// What the bounds of tiers are multiplied with; with a room the account's own.
    pub tier_coefficient: f64,
    /// Whether the positions are isolated; `None`: as the account chose, without a room cross.
    pub isolated: Option<bool>,
}

/// How large a position can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sized {
    /// The largest multiple of the lot within every limit; short positions negative, 0 where not even one lot is.
    pub quantity: f64,
    /// The limit that one lot more breaks; of several the first.
    pub binding: SizeLimit,
    /// `|quantity| * |x(entry)|`, in the settlement asset.
    pub notional: f64,
    /// What the stop loses, with slippage and fees; NaN without a stop.
    pub loss: f64,
    /// The maintenance margin at the entry, with the fee of closing where the rules have it inside.
    pub maintenance_margin: f64,
    /// The initial margin; NaN where it depends on a leverage that is unknown.
    pub initial_margin: f64,
    /// Notional over equity.
    pub leverage_used: f64,
    /// Loss over equity.
    pub risk_share: f64,
    /// The largest multiple of the lot within each limit, in the order of [`SizeLimit::ALL`], without sign; NaN where it is
    /// off or bounds nothing.
    pub by: [f64; 5],
}

/// How large positions can be that lose no more than is said, whose maintenance margin is no more than a share of the
/// equity, whose tier allows the leverage and, with a room, for which the account has margin.
///
/// With prices moved to the worse by slippage, `e' = e * (1 + d * s)` and `t' = t * (1 - d * s)` for a direction `d`, a unit loses
/// `|x(e') - x(t')| + fee * |x(e')| + exit_fee * |x(t')|`, where `x` is what a unit is worth. The size is the least of
/// `max_loss / loss`, of the largest whose maintenance margin at the entry is at most `share * equity`, of the largest whose
/// tier allows the leverage, of the end of the last tier and of [`super::max_orders`] at the entry price, down to the lot. It is
/// found without rounding: it is within every limit, and one lot more is not.
///
/// With a room, a book, prices and the account of each row, equity that is not given is that of all of the account's pools in
/// the valuation asset, without one of those that settle in the same asset.
///
/// # Errors
/// [`Error::Argument`] for columns of unequal length, numbers out of range, a stop that is not on the losing side, and for
/// rows without any limit; [`Error::MissingPrice`] where an account's equity or margin depends on a price that is missing.
///
/// # Examples
/// One per cent of 10,000 is lost between 60,000 and 58,800 by `100 / (1,200 + 0.05 % * (60,000 + 58,800))`.
/// ```
/// use crossmargin::Market;
/// use crossmargin::order::{FillFee, SizeLimit, SizeRows, size_position};
///
/// let market = Market::from_toml(r#"
/// extends = "textbook/2020-01-01"
/// preset = "with-fees"
/// as_of = 2024-10-01
/// [fees]
/// taker = 0.0005
/// "#)?;
/// let rows = SizeRows {
///     instrument: &[market.instrument_index("BTCUSDT").unwrap() as u32],
///     buy: &[true],
///     equity: &[10_000.0],
///     max_loss: &[0.01],
///     loss_is_amount: false,
///     entry_price: &[60_000.0],
///     stop_price: &[58_800.0],
///     slippage: &[0.0],
///     leverage: &[10.0],
///     maintenance_share: &[0.02],
///     fee: FillFee::Taker,
///     exit_fee: FillFee::Taker,
///     profile: 0,
///     tier_coefficient: 1.0,
///     isolated: None,
/// };
/// let sized = size_position(&market, &rows, None)?[0];
/// assert_eq!((sized.quantity, sized.binding), (0.07940289, SizeLimit::Loss));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn size_position(
    market: &Market,
    rows: &SizeRows<'_>,
    room: Option<(&Book, &Prices, &[u32])>,
) -> Result<Vec<Sized>> {
    check(market, rows, room)?;
    let known = KnownTables::default();
    (0..rows.instrument.len())
        .map(|row| {
            let held = room.map(|(book, prices, accounts)| Held { book, prices, account: accounts[row] as usize });
            one(&Sizing { market, rows, known: &known, row, held })
        })
        .collect()
}

/// An account that a position is sized for.
#[derive(Clone, Copy)]
struct Held<'a> {
    book: &'a Book,
    prices: &'a Prices,
    account: usize,
}

/// A row that is being sized.
struct Sizing<'a> {
    market: &'a Market,
    rows: &'a SizeRows<'a>,
    known: &'a KnownTables,
    row: usize,
    held: Option<Held<'a>>,
}

fn one(of: &Sizing<'_>) -> Result<Sized> {
    let (rows, row) = (of.rows, of.row);
    let terms = terms(of);
    let table = of.known.get(of.market, &terms.class);
    let worth = Worth::new(of.market, &terms, Arc::clone(&table));
    let equity = if rows.equity[row].is_nan() { of.equity()? } else { Exact::from_f64(rows.equity[row]) };
    let max_loss = Exact::from_f64(rows.max_loss[row]);
    let max_loss = if rows.loss_is_amount { max_loss } else { max_loss * equity.clone() };
    let lost = worth.loss_per_unit(rows.stop_price[row], rows.slippage[row], [rows.fee, rows.exit_fee]);
    let share = Some(rows.maintenance_share[row]).filter(|share| !share.is_nan());
    let rungs = [
        lost.as_ref().and_then(|lost| worth.units_of(&max_loss, lost)),
        share.and_then(|share| worth.within_maintenance(&(Exact::from_f64(share) * equity.clone()))),
        worth.within_leverage(),
        worth.within_cap(),
        of.margin(&terms, &worth)?,
    ];
    // The first of equal ones.
    let least = SizeLimit::ALL.into_iter().zip(rungs).filter_map(|(limit, rung)| Some((rung?, limit)));
    let Some((rung, binding)) = least.min_by_key(|&(rung, limit)| (rung, limit as u8)) else {
        let message =
            format!("was not given in row {row}, and nothing else limits the size: give it, or maintenance_share");
        return Err(Error::argument("stop_price", message));
    };
    let quantity = worth.ladder.exact(rung);
    let over_equity = |amount: &Exact| amount.checked_div(&equity).map_or(f64::NAN, |share| share.to_f64());
    let notional = quantity.clone() * worth.value.clone();
    let loss = lost.map(|lost| quantity.clone() * lost);
    let size = worth.ladder.quantity(rung);
    Ok(Sized {
        quantity: if rows.buy[row] { size } else { 0.0 - size },
        binding,
        maintenance_margin: worth.maintenance(&quantity).map_or(f64::NAN, |amount| amount.to_f64()),
        initial_margin: worth.initial(&quantity).map_or(f64::NAN, |amount| amount.to_f64()),
        leverage_used: over_equity(&notional),
        risk_share: loss.as_ref().map_or(f64::NAN, over_equity),
        loss: loss.map_or(f64::NAN, |loss| loss.to_f64()),
        notional: notional.to_f64(),
        by: rungs.map(|rung| rung.map_or(f64::NAN, |rung| worth.ladder.quantity(rung))),
    })
}

/// What is known of a row's position.
fn terms(of: &Sizing<'_>) -> Terms {
    let (rows, row, instrument) = (of.rows, of.row, of.rows.instrument[of.row]);
    let mut terms = Terms {
        class: MarginClass {
            coefficient: rows.tier_coefficient,
            profile: rows.profile,
            ..MarginClass::plain(instrument)
        },
        unit: QuantityUnit::Contracts,
        long: rows.buy[row],
        isolated: rows.isolated.unwrap_or(false),
        leverage: rows.leverage[row],
        entry: rows.entry_price[row],
    };
    if let Some(Held { book, account, .. }) = of.held {
        let (known, settings) = book.holdings().chosen.of(account);
        let setting = settings.iter().find(|setting| setting.instrument == instrument);
        (terms.class.coefficient, terms.class.profile) = (known.coefficient, known.profile);
        terms.unit = book.holdings().quantity_unit;
        let chosen = setting.and_then(|setting| setting.isolated).unwrap_or(known.isolates);
        terms.isolated = rows.isolated.unwrap_or(chosen);
        if terms.leverage.is_nan() {
            terms.leverage = setting.map_or(f64::NAN, |setting| setting.leverage);
        }
    }
    terms
}

impl Sizing<'_> {
    /// The rung up to which the account has margin; `None` without an account.
    fn margin(&self, terms: &Terms, worth: &Worth<'_>) -> Result<Option<u64>> {
        let Some(Held { book, prices, account }) = self.held else { return Ok(None) };
        let hedging = book.holdings().chosen.of(account).0.hedging;
        // Where the account does not say, rows of the instrument do: legs beside which a net order is none.
        let hedges = hedging.unwrap_or_else(|| Met::new(book, account, terms.class.instrument, Side::Net).other_kind);
        let (sign, side) = if terms.long { (1.0, Side::Long) } else { (-1.0, Side::Short) };
        let order = Proposed {
            price: terms.entry,
            leverage: self.rows.leverage[self.row],
            side: if hedges { side } else { Side::Net },
            isolated: self.rows.isolated,
            ..Proposed::market(terms.class.instrument, sign)
        };
        let found = largest(book, prices, account, &Asked::of(order))?;
        Ok(Some(worth.ladder.below(&Exact::from_f64(found.quantity.abs()))))
    }

    /// The equity of the row's account in the instrument's settlement asset.
    fn equity(&self) -> Result<Exact> {
        let instrument = &self.market.instruments()[self.rows.instrument[self.row] as usize];
        let Some(Held { book, prices, account }) = self.held else { return Ok(Exact::zero()) };
        equity_in(book, prices, account, instrument.settle())
    }
}

/// Refuses what is no question.
fn check(market: &Market, rows: &SizeRows<'_>, room: Option<(&Book, &Prices, &[u32])>) -> Result<()> {
    let n = rows.instrument.len();
    let columns = [
        ("equity", rows.equity),
        ("max_loss", rows.max_loss),
        ("entry_price", rows.entry_price),
        ("stop_price", rows.stop_price),
        ("slippage", rows.slippage),
        ("leverage", rows.leverage),
        ("maintenance_share", rows.maintenance_share),
    ];
    let lengths = columns.iter().map(|(name, column)| (*name, column.len()));
    let accounts = room.map_or(n, |(_, _, accounts)| accounts.len());
    let mut lengths = lengths.chain([("side", rows.buy.len()), ("accounts", accounts)]);
    if let Some((name, length)) = lengths.find(|&(_, length)| length != n) {
        return Err(Error::argument(name, format!("had {length} elements, expected {n}, one for each row")));
    }
    if !(rows.tier_coefficient.is_finite() && rows.tier_coefficient > 0.0) {
        return Err(Error::argument("tier_coefficient", out(rows.tier_coefficient, None, "a positive number")));
    }
    if usize::from(rows.profile) >= market.profiles().len() {
        let known = market.profiles().len();
        return Err(Error::argument("profile", format!("was {}, expected a number below {known}", rows.profile)));
    }
    (0..n).try_for_each(|row| {
        if rows.instrument[row] as usize >= market.instruments().len() {
            let (had, known) = (rows.instrument[row], market.instruments().len());
            return Err(Error::argument(
                "instrument",
                format!("was {had} in row {row}, expected a number below {known}"),
            ));
        }
        if let Some((book, _, accounts)) = room
            && accounts[row] as usize >= book.holdings().accounts().len()
        {
            let (had, known) = (accounts[row], book.holdings().accounts().len());
            return Err(Error::argument(
                "accounts",
                format!("was {had} in row {row}, expected a number below {known}"),
            ));
        }
        check_row(rows, row, room.is_some())
    })
}

fn out(value: f64, row: Option<usize>, expected: &str) -> String {
    let at = row.map_or_else(String::new, |row| format!(" in row {row}"));
    format!("was {}{at}, expected {expected}", shown(value))
}

fn check_row(rows: &SizeRows<'_>, row: usize, with_account: bool) -> Result<()> {
    let in_range = |value: f64| value > 0.0 && crate::book::in_range(value);
    let refuse = |name: &str, value: f64, expected: &str| Err(Error::argument(name, out(value, Some(row), expected)));
    let (equity, entry, stop) = (rows.equity[row], rows.entry_price[row], rows.stop_price[row]);
    if !(equity.is_finite() && crate::book::in_range(equity) || equity.is_nan() && with_account) {
        return refuse("equity", equity, "a finite number, or an account that has it");
    }
    if !in_range(entry) {
        return refuse("entry_price", entry, "a positive price");
    }
    if !in_range(rows.max_loss[row]) {
        return refuse("max_loss", rows.max_loss[row], "a positive number");
    }
    if !(0.0..1.0).contains(&rows.slippage[row]) {
        return refuse("slippage", rows.slippage[row], "a fraction from 0 to below 1");
    }
    for (name, value) in [("leverage", rows.leverage[row]), ("maintenance_share", rows.maintenance_share[row])] {
        if !(value.is_nan() || in_range(value)) {
            return refuse(name, value, "a positive number, or none");
        }
    }
    let loses = if rows.buy[row] { stop < entry } else { stop > entry };
    if !(stop.is_nan() || in_range(stop) && loses) {
        let side = if rows.buy[row] { "below entry_price, where a long" } else { "above entry_price, where a short" };
        return refuse("stop_price", stop, &format!("a price {side} position loses, or none"));
    }
    Ok(())
}
