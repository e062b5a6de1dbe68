//! The tables that a book is made of, as columns that the caller owns.

/// Marks an absent key in [`TextKeys::codes`].
pub const NO_KEY: u32 = u32::MAX;

/// A column of keys: integers, or names by code.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    /// Integer keys. For instruments and assets: positions in the market's order.
    Int(&'a [i64]),
    /// Names.
    Text(TextKeys<'a>),
}

/// A dictionary-coded column of names: row `i` has the name `names[codes[i]]`, or none for [`NO_KEY`].
#[derive(Debug, Clone, Copy)]
pub struct TextKeys<'a> {
    /// A code per row.
    pub codes: &'a [u32],
    /// The distinct names.
    pub names: &'a [String],
}

impl Default for Keys<'_> {
    fn default() -> Self {
        Self::Int(&[])
    }
}

impl Keys<'_> {
    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Int(keys) => keys.len(),
            Self::Text(keys) => keys.codes.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a row as text, for messages.
    #[must_use]
    pub fn show(&self, row: usize) -> String {
        match self {
            Self::Int(keys) => keys[row].to_string(),
            Self::Text(keys) => {
                usize::try_from(keys.codes[row]).ok().and_then(|code| keys.names.get(code)).cloned().unwrap_or_default()
            }
        }
    }
}

/// The cash of the accounts: a row per account and asset.
#[derive(Debug, Clone, Copy, Default)]
pub struct Balances<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// Of which asset.
    pub asset: Keys<'a>,
    /// Realised cash, in the asset; includes what is fenced for isolated positions. May be negative.
    pub wallet_balance: &'a [f64],
}

/// The open positions: a row per account, instrument, side and margin mode.
#[derive(Debug, Clone, Copy, Default)]
pub struct Positions<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// Of which instrument.
    pub instrument: Keys<'a>,
    /// Signed size in contracts (or in base units, see [`QuantityUnit`]); long positive, never zero.
    pub quantity: &'a [f64],
    /// Average entry price, quote per base.
    pub entry_price: &'a [f64],
    /// Leverage chosen; NaN or no column: unknown, and so is initial margin.
    pub leverage: Option<&'a [f64]>,
    /// Cash fenced for an isolated position, without unrealised profit; NaN or no column: initial margin at entry.
    pub isolated_margin: Option<&'a [f64]>,
    /// `cross` or `isolated` by name; no column or no key: cross.
    pub margin_mode: Option<TextKeys<'a>>,
    /// `net`, `long` or `short` by name; no column or no key: net.
    pub position_side: Option<TextKeys<'a>>,
}

/// What `quantity` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QuantityUnit {
    /// Contracts of the instrument's contract size.
    #[default]
    Contracts,
    /// Units of the base asset.
    Base,
}

/// What to do with a repeated key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Refuse it as a fault.
    #[default]
    Refuse,
    /// Add the balances, or the quantities with the entry prices weighted by them.
    Merge,
}

/// What to do when rows are malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Refuse the book.
    #[default]
    Refuse,
    /// Drop whole accounts: an account without one of its legs has a wrong margin.
    Reject,
}

/// Everything a book is built from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tables<'a> {
    /// Cash.
    pub balances: Balances<'a>,
    /// Positions.
    pub positions: Positions<'a>,
    /// Unit of `positions.quantity`.
    pub quantity_unit: QuantityUnit,
    /// Repeated keys.
    pub duplicates: Duplicates,
}
