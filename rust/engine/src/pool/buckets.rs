//! Tier tables as rows that are found by the leading bits of an amount, so that lanes find their tiers without a search.
//!
//! A table is cut where the leading bits of a double change: at powers of two, or finer where its floors lie closer.
//! Each cut then has at most one floor in it, and its row charges what lies on both sides of that floor.

use crate::market::TierLaw;

use super::tables::{ClassTable, Constant};

/// How near to a floor, relatively, an amount in doubles may be for its tier to be in doubt under a law that jumps: more
/// than the rounding of an amount that is made of up to [`MOST_ORDERS`] orders.
pub(crate) const DOUBT: f64 = 128.0 * f64::EPSILON;

/// Orders of one group whose amount is formed in lanes.
pub(crate) const MOST_ORDERS: usize = 16;

/// Leading bits of the fraction that may tell two cuts apart.
const MOST_BITS: u32 = 6;

/// One cut of a table: an amount `u` is charged `rate * u - minus`, and from `floor` on `slope * (u - floor)` more, or
/// `slope * u` more under a law that jumps.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Bucket {
    pub(crate) floor: f64,
    pub(crate) rate: f64,
    pub(crate) slope: f64,
    pub(crate) minus: f64,
}

/// The row that charges nothing.
pub(crate) const FREE: Bucket = Bucket { floor: f64::MAX, rate: 0.0, slope: 0.0, minus: 0.0 };

/// Where the rows of a table begin, and how an amount finds its own.
///
/// Row `first + clamp((bits >> shift) - lowest, 0, last)` of all rows, with the bits of the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lookup(u64);

impl Lookup {
    /// Finds row 0, whatever the amount.
    pub(crate) const NONE: Self = Self(52);

    fn new(shift: u32, lowest: u64, last: usize, first: usize) -> Option<Self> {
        let (last, first) = (u64::try_from(last).ok()?, u64::try_from(first).ok()?);
        let fits = lowest < 1 << 18 && last < 1 << 14 && first < 1 << 24;
        fits.then_some(Self(u64::from(shift) | lowest << 8 | last << 26 | first << 40))
    }

    /// Finds one row, whatever the amount.
    pub(crate) fn of_one(row: usize) -> Option<Self> {
        Self::new(52, 0, 0, row)
    }

    /// The code in 64 bits: shift in 8, lowest in 18, last in 14, first in 24.
    pub(crate) const fn code(self) -> u64 {
        self.0
    }

    /// The row of an amount.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "24 bits and 14 bits")]
    pub(crate) const fn row(code: u64, amount: f64) -> u32 {
        let place = (amount.to_bits() >> (code & 0xff)).saturating_sub(code >> 8 & 0x3_ffff);
        let last = code >> 26 & 0x3fff;
        ((code >> 40) + if place > last { last } else { place }) as u32
    }
}

fn difference(a: &Constant, b: &Constant) -> f64 {
    (a.exact().clone() - b.exact().clone()).to_f64()
}

/// Appends the rows of a table; `None` where the law has deductions of its own, or floors
/// lie too close.
pub(crate) fn push(rows: &mut Vec<Bucket>, table: &ClassTable, law: TierLaw) -> Option<Lookup> {
    if !matches!(law, TierLaw::Marginal | TierLaw::Flat) {
        return None;
    }
    let floors: Vec<f64> = table.floors.iter().map(Constant::near).collect();
    let first = rows.len();
    let in_tier = |tier: usize| Bucket {
        floor: f64::MAX,
        rate: table.rates[tier].near(),
        slope: 0.0,
        minus: table.deductions[tier].near(),
    };
    let (Some(&lowest), Some(&highest)) = (floors.get(1), floors.last().filter(|_| floors.len() > 1)) else {
        rows.push(in_tier(0));
        return Lookup::of_one(first);
    };
    // Floors count as in a cut when they are, or when rounding could bring an amount from beyond its edge to them.
    let (below, above) = (1.0 - 1e-9, 1.0 + 1e-9);
    'bits: for bits in 0..=MOST_BITS {
        let shift = 52 - bits;
        let key = |x: f64| x.to_bits() >> shift;
        let (low, high) = (key(lowest * below) - 1, key(highest * above) + 1);
        rows.truncate(first);
        for key in low..=high {
            let (from, to) = (f64::from_bits(key << shift), f64::from_bits((key + 1) << shift));
            // The tier at the lower edge, without floors that are as near as rounding.
            let tier = floors.iter().take_while(|&&floor| floor < from * below).count().saturating_sub(1);
            let inside = floors[tier + 1..].iter().take_while(|&&floor| floor <= to * above).count();
            match inside {
                0 => rows.push(in_tier(tier)),
                1 => rows.push(Bucket {
                    floor: floors[tier + 1],
                    slope: difference(&table.rates[tier + 1], &table.rates[tier]),
                    ..in_tier(tier)
                }),
                _ => continue 'bits,
            }
        }
        return Lookup::new(shift, low, rows.len() - first - 1, first);
    }
    rows.truncate(first);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::MarginClass;
    use crate::market::Market;

    /// A market of one instrument under the given tiers.
    fn table(law: &str, floors: &str, rates: &str) -> (ClassTable, TierLaw) {
        let text = format!(
            r#"
            extends = "textbook/2020-01-01"
            preset = "tiers"
            as_of = 2024-10-01
            [[instrument]]
            name = "X"
            base = "X"
            quote = "USDT"
            settle = "USDT"
            [tiers.X]
            law = "{law}"
            bounds = "quote"
            floor = [{floors}]
            maintenance_rate = [{rates}]
            "#
        );
        let market = Market::from_toml(&text).unwrap();
        let class = MarginClass::plain(u32::try_from(market.instrument_index("X").unwrap()).unwrap());
        (ClassTable::new(&market, &class), class.tiers(&market).law())
    }

    /// What the found row charges.
    fn charged(rows: &[Bucket], lookup: Lookup, law: TierLaw, u: f64) -> f64 {
        let row = rows[Lookup::row(lookup.code(), u) as usize];
        let base = if law == TierLaw::Flat { 0.0 } else { row.floor };
        let past = if u >= row.floor { u - base } else { 0.0 };
        row.rate * u - row.minus + row.slope * past
    }

    #[test]
    fn test_buckets_charge_by_hand_on_beside_and_between_floors() {
        // By slices 0.5 % to 250,000 and 1 % above: 300,000 is charged 1,250 + 500; flat it is charged 1 % of all.
        for (law, at_300_000) in [("marginal", 1_750.0), ("flat", 3_000.0)] {
            let (table, law) = table(law, "0, 250_000", "0.005, 0.01");
            let mut rows = vec![FREE];
            let lookup = push(&mut rows, &table, law).unwrap();
            for (u, expected) in [(0.0, 0.0), (100.0, 0.5), (200_000.0, 1_000.0), (300_000.0, at_300_000)] {
                assert!((charged(&rows, lookup, law, u) - expected).abs() < 1e-9, "{law:?} {u}");
            }
        }
    }

    #[test]
    fn test_buckets_of_floors_close_together_charge_as_the_table() {
        let floors = "0, 50, 60, 61, 64, 128, 1000, 1010";
        for law in ["marginal", "flat"] {
            let (table, law) = table(law, floors, "0.001, 0.002, 0.004, 0.005, 0.01, 0.02, 0.03, 0.05");
            let mut rows = vec![FREE];
            let lookup = push(&mut rows, &table, law).unwrap();
            for k in 0..20_000_u32 {
                let u = f64::from(k) / 16.0;
                let (expected, open) = table.charge::<crate::exact::Exact>(&crate::exact::Exact::from_f64(u));
                assert!(!open);
                let distance = (charged(&rows, lookup, law, u) - expected.to_f64()).abs();
                assert!(distance <= 1e-12 * (1.0 + u), "{law:?} {u}");
            }
        }
    }

    #[test]
    fn test_buckets_of_floors_too_close_are_none() {
        let (table, law) = table("flat", "0, 1000, 1000.001, 1000.002", "0.001, 0.002, 0.003, 0.004");
        assert_eq!(push(&mut vec![FREE], &table, law), None);
    }
}
