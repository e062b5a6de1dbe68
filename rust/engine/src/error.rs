//! The engine's one error type: small, typed, naming the datum that was wrong and the cure.
//!
//! A bankrupt account is a result; a malformed book is an error; a panic is a bug.

use std::fmt;

/// Result of every fallible call of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// How many faults a [`BookFaults`] keeps; all are counted.
pub const MAX_FAULTS: usize = 1_000;

/// What was wrong with a call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A market (preset, tier table) is malformed.
    Market(Box<MarketFault>),
    /// The tables of a book are malformed.
    Book(Box<BookFaults>),
    /// A price given is not a usable price.
    Price(Box<PriceFault>),
    /// Instruments or assets that are held have no price.
    MissingPrice(Box<MissingPrices>),
    /// An argument of a call is malformed.
    Argument(Box<ArgumentFault>),
    /// The caller stopped the call ([`crate::score::Options::stop`]); buffers hold nothing of use.
    Stopped,
    /// Bytes are no snapshot, one of another version, or were changed.
    Snapshot(Box<SnapshotFault>),
}

/// One fault of a market, at a path such as `tiers.BTCUSDT.floor[3]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketFault {
    /// Where: a path in the preset.
    pub path: String,
    /// What it was and what it must be, with the cure where there is one.
    pub message: String,
}

/// What is wrong with bytes that should be a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFault {
    /// What they have, and what was expected.
    pub message: String,
}

/// The kinds of fault that rows of a book's tables can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// NaN or an infinity where a number is needed.
    NotFinite,
    /// An absent value in a column that must have one.
    Missing,
    /// Zero where the value must not be.
    Zero,
    /// Zero or negative where the value must be positive.
    NotPositive,
    /// Negative where the value must not be.
    Negative,
    /// A non-zero magnitude outside `2^-256 ..= 2^256`.
    OutOfRange,
    /// A name or index that the market does not have.
    Unknown,
    /// The same key twice.
    Duplicate,
    /// Two columns of the row contradict each other.
    Inconsistent,
    /// Beyond the cap of the instrument's last tier.
    BeyondCap,
    /// No multiple of the asset's quantum or the instrument's lot.
    NotMultiple,
    /// More money than may move.
    BeyondFunds,
}

impl FaultKind {
    /// The kind's name in tables of faults.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::Missing => "missing",
            Self::Zero => "zero",
            Self::NotPositive => "not_positive",
            Self::Negative => "negative",
            Self::OutOfRange => "out_of_range",
            Self::Unknown => "unknown",
            Self::Duplicate => "duplicate",
            Self::Inconsistent => "inconsistent",
            Self::BeyondCap => "beyond_cap",
            Self::NotMultiple => "not_multiple",
            Self::BeyondFunds => "beyond_funds",
        }
    }
}

/// One fault of a book: where, what it was, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the table (`balances`, `positions`).
    pub table: &'static str,
    /// Row in the table as it was given, from 0.
    pub row: u64,
    /// Name of the column.
    pub column: &'static str,
    /// The value, as text.
    pub value: String,
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// What to do about it.
    pub cure: String,
}

/// All faults of a book: the first [`MAX_FAULTS`] in row order, and how many there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookFaults {
    /// The first faults.
    pub faults: Vec<Fault>,
    /// Number of faults, kept or not.
    pub n_faults: u64,
}

/// One unusable price.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceFault {
    /// `mark`, `index`, ...
    pub column: &'static str,
    /// Instrument or asset.
    pub name: String,
    /// The value given.
    pub value: f64,
    /// What it must be.
    pub expected: &'static str,
}

/// Everything that is held and has no price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingPrices {
    /// Instruments without a mark price.
    pub instruments: Vec<String>,
    /// Instruments without a last price, where a rule looks at it.
    pub last: Vec<String>,
    /// Assets without an index price.
    pub assets: Vec<String>,
}

/// One malformed argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentFault {
    /// Name of the argument, as the caller wrote it.
    pub argument: String,
    /// What it was and what it must be.
    pub message: String,
}

impl Error {
    /// A fault of a market at `path`.
    #[cold]
    #[must_use]
    pub fn market(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Market(Box::new(MarketFault { path: path.into(), message: message.into() }))
    }

    /// A malformed argument.
    #[cold]
    #[must_use]
    pub fn argument(argument: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Argument(Box::new(ArgumentFault { argument: argument.into(), message: message.into() }))
    }
}

/// A number as messages write it: as a decimal, or with a power of ten where that would be long.
#[cold]
pub(crate) fn shown(x: f64) -> String {
    const LONGEST: usize = 24;
    let decimal = x.to_string();
    if decimal.len() <= LONGEST { decimal } else { format!("{x:e}") }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}[{}] was {}: {}", self.table, self.column, self.row, self.value, self.cure)
    }
}

impl fmt::Display for BookFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (i, fault) in self.faults.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        let shown = self.faults.len().min(SHOWN) as u64;
        if self.n_faults > shown {
            write!(f, "; and {} more (see .faults)", self.n_faults - shown)?;
        }
        Ok(())
    }
}

impl fmt::Display for MissingPrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, what: &str, names: &[String]| {
            const SHOWN: usize = 20;
            write!(f, "{what}: {}", names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))?;
            if names.len() > SHOWN { write!(f, " and {} more", names.len() - SHOWN) } else { Ok(()) }
        };
        let parts = [
            ("no mark price for held instruments", &self.instruments),
            ("no last price for held instruments", &self.last),
            ("no index price for held assets", &self.assets),
        ];
        for (i, (what, names)) in parts.iter().filter(|(_, names)| !names.is_empty()).enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            list(f, what, names)?;
        }
        f.write_str("; give them, or score the rest with missing=\"null\"")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Market(fault) => write!(f, "{}: {}", fault.path, fault.message),
            Self::Book(faults) => faults.fmt(f),
            Self::Price(fault) => {
                write!(f, "{}[{}] was {}, expected {}", fault.column, fault.name, shown(fault.value), fault.expected)
            }
            Self::MissingPrice(missing) => missing.fmt(f),
            Self::Argument(fault) => write!(f, "{} {}", fault.argument, fault.message),
            Self::Stopped => f.write_str("the call was stopped before its end"),
            Self::Snapshot(fault) => {
                let what = &fault.message;
                write!(f, "snapshot is not one of this program, or was changed: {what}; take another one")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_error_size_stays_two_words() {
        assert!(size_of::<Error>() <= 16);
    }

    #[test]
    fn test_number_of_many_digits_is_shown_with_a_power_of_ten() {
        let words = [
            (0.0, "0"),
            (-2.0, "-2"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "NaN"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e23, "100000000000000000000000"),
            (1e24, "1e24"),
            (-1e23, "-1e23"),
            (1e-22, "0.0000000000000000000001"),
            (1e-23, "1e-23"),
            (1e300, "1e300"),
            (-5e-324, "-5e-324"),
            (f64::MAX, "1.7976931348623157e308"),
        ];
        for (number, word) in words {
            assert_eq!(shown(number), word);
        }
    }

    #[test]
    fn test_book_faults_display_names_first_three_and_count() {
        let fault = |row| Fault {
            table: "positions",
            row,
            column: "quantity",
            value: "NaN".into(),
            kind: FaultKind::NotFinite,
            cure: "give a finite number".into(),
        };
        let faults = BookFaults { faults: (0..5).map(fault).collect(), n_faults: 7 };
        assert_eq!(
            faults.to_string(),
            "positions.quantity[0] was NaN: give a finite number; positions.quantity[1] was NaN: give a finite number; \
             positions.quantity[2] was NaN: give a finite number; and 4 more (see .faults)"
        );
    }
}
