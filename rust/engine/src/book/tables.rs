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
    /// Credit that counts as margin and cannot leave, in the asset, not in the wallet; no column: none.
    pub bonus: Option<&'a [f64]>,
    /// What the account owes of the asset, at least 0; no column: nothing.
    pub borrowed: Option<&'a [f64]>,
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
    /// The version of the tier table that the position keeps, by name; no column or no key: the present one.
    pub tier_version: Option<TextKeys<'a>>,
    /// The tier that the position was put into, from 1; NaN or no column: by its basis.
    pub tier: Option<&'a [f64]>,
}

/// The open orders: a row per order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// Of which instrument.
    pub instrument: Keys<'a>,
    /// Signed size as of [`Positions::quantity`]; buys positive, never zero.
    pub quantity: &'a [f64],
    /// Limit price, quote per base; NaN: at the market, valued at mark.
    pub price: &'a [f64],
    /// Leverage chosen; NaN or no column: unknown.
    pub leverage: Option<&'a [f64]>,
    /// Price that makes a conditional order active; NaN or no column: it is active.
    pub trigger_price: Option<&'a [f64]>,
    /// Whether an order can only reduce a position; no column: none.
    pub reduce_only: Option<&'a [bool]>,
    /// `net`, `long` or `short` by name: the leg that it trades; no column or no key: net.
    pub position_side: Option<TextKeys<'a>>,
    /// `cross` or `isolated` by name; no column or no key: as the account chose.
    pub margin_mode: Option<TextKeys<'a>>,
    /// `limit`, `market`, `stop` or `take_profit` by name, which the prices must agree with; no column or no key: what
    /// the prices say.
    pub kind: Option<TextKeys<'a>>,
}

/// What the venue knows of an account beside its holdings: at most a row per account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accounts<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// The fee profile by name; no column or no key: the default one.
    pub profile: Option<TextKeys<'a>>,
    /// What the account's tier bounds are multiplied with; NaN or no column: 1.
    pub tier_coefficient: Option<&'a [f64]>,
    /// `cross` or `isolated` by name, for rows and settings that do not say it; no column or no key: cross.
    pub margin_mode: Option<TextKeys<'a>>,
    /// `one_way` or `hedge` by name: what the sides of the account's rows must be; no column or no key: either.
    pub position_mode: Option<TextKeys<'a>>,
}

/// What an account chose for an instrument, for rows that do not say it: at most a row per account and instrument.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// For which instrument.
    pub instrument: Keys<'a>,
    /// Leverage; NaN or no column: unknown.
    pub leverage: Option<&'a [f64]>,
    /// `cross` or `isolated` by name; no column or no key: as the account says.
    pub margin_mode: Option<TextKeys<'a>>,
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
    /// Open orders.
    pub orders: Orders<'a>,
    /// What the venue knows of accounts.
    pub accounts: Accounts<'a>,
    /// What accounts chose per instrument.
    pub settings: Settings<'a>,
    /// Unit of `positions.quantity`.
    pub quantity_unit: QuantityUnit,
    /// Repeated keys.
    pub duplicates: Duplicates,
}
