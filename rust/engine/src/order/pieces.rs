//! The sizes that an order can have, and where what is asked of them changes its form.

use num_bigint::BigInt;

use crate::book::QuantityUnit;
use crate::exact::{Decimal, Exact};
use crate::market::Instrument;

/// The smallest step of a quantity where the market states none: `10^-8` contracts, as ledgers have it.
const USUAL_LOT: f64 = 1e-8;

/// More digits than this a double need not denote.
const MOST_DIGITS: u64 = 1_000_000_000_000_000;

/// The largest number of lots that is looked at.
const MOST_LOTS: u64 = 1 << 62;

/// Multiples of an instrument's lot in rising order, from one on: all of those that doubles denote, which beyond fifteen
/// digits are those with fifteen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ladder {
    /// The lot in units of the book: `digits * 10^exponent`.
    digits: u64,
    exponent: i32,
    /// Up to here every multiple is a rung.
    fine: u64,
}

impl Ladder {
    pub(super) fn new(instrument: &Instrument, unit: QuantityUnit) -> Self {
        let lot = Decimal::from_f64(instrument.lot().unwrap_or(USUAL_LOT));
        let size = Decimal::from_f64(match unit {
            QuantityUnit::Contracts => 1.0,
            QuantityUnit::Base => instrument.contract_size(),
        });
        let (mut digits, mut exponent) =
            (u128::from(lot.digits()) * u128::from(size.digits()), lot.exponent() + size.exponent());
        // A step of more digits than doubles have is none of theirs: the next one above it is.
        while digits > u128::from(MOST_DIGITS) {
            (digits, exponent) = (digits.div_ceil(10), exponent + 1);
        }
        let digits = u64::try_from(digits).unwrap_or(MOST_DIGITS).max(1);
        Self { digits, exponent, fine: MOST_DIGITS / digits }
    }

    /// One lot.
    pub(super) fn lot(&self) -> Exact {
        Exact::from_digits(i128::from(self.digits), self.exponent)
    }

    /// Rungs between two powers of ten beyond those that are fine.
    const fn coarse(&self) -> u64 {
        self.fine - self.fine / 10
    }

    /// The lots of a rung, counted from 1.
    pub(super) fn lots(&self, rung: u64) -> u64 {
        if rung <= self.fine || self.fine < 10 {
            return rung.min(MOST_LOTS);
        }
        let beyond = rung - self.fine - 1;
        let tens = u32::try_from(beyond / self.coarse() + 1).unwrap_or(u32::MAX);
        let multiple = self.fine / 10 + 1 + beyond % self.coarse();
        10_u64.checked_pow(tens).and_then(|ten| ten.checked_mul(multiple)).map_or(MOST_LOTS, |lots| lots.min(MOST_LOTS))
    }

    /// The last rung of at most a number of lots; 0 below one lot.
    pub(super) fn rung_of(&self, lots: u64) -> u64 {
        if lots <= self.fine || self.fine < 10 {
            return lots;
        }
        let (mut multiple, mut tens) = (lots, 0);
        while multiple > self.fine {
            (multiple, tens) = (multiple / 10, tens + 1);
        }
        self.fine + (tens - 1) * self.coarse() + (multiple - self.fine / 10)
    }

    /// The last rung at or below an amount; 0 where there is none, and the highest one beyond that.
    pub(super) fn below(&self, amount: &Exact) -> u64 {
        self.place(amount).0
    }

    /// The last rung at or below an amount, and whether it is the amount.
    pub(super) fn place(&self, amount: &Exact) -> (u64, bool) {
        let (lots, rest, _) = amount.in_steps(&self.lot());
        if lots < BigInt::from(1_u8) {
            return (0, false);
        }
        let lots = u64::try_from(&lots).unwrap_or(MOST_LOTS).min(MOST_LOTS);
        let rung = self.rung_of(lots);
        (rung, !rest && self.lots(rung) == lots)
    }

    /// The highest rung.
    pub(super) fn highest(&self) -> u64 {
        self.rung_of(MOST_LOTS)
    }

    /// The quantity of a rung, without sign.
    pub(super) fn quantity(&self, rung: u64) -> f64 {
        /// Powers of ten that doubles hold.
        const TENS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
            1e19, 1e20, 1e21, 1e22,
        ];
        let digits = u128::from(self.lots(rung)) * u128::from(self.digits);
        let ten = usize::try_from(self.exponent.unsigned_abs()).ok().and_then(|power| TENS.get(power));
        if let (Ok(digits), Some(ten)) = (u32::try_from(digits), ten) {
            // Both are exact, so that one operation rounds once.
            return if self.exponent < 0 { f64::from(digits) / ten } else { f64::from(digits) * ten };
        }
        self.exact(rung).to_f64()
    }

    /// The quantity of a rung, as it is.
    pub(super) fn exact(&self, rung: u64) -> Exact {
        let digits = i128::from(self.lots(rung)).saturating_mul(i128::from(self.digits));
        Exact::from_digits(digits, self.exponent)
    }
}
