//! The state of a ledger as bytes, and back: exactly the same accounts under the same numbers.

use std::sync::{Arc, OnceLock};

use crate::book::{AccountKeys, NO_KEY, OnError, QuantityUnit, Side};
use crate::error::{Error, Result};
use crate::market::Market;
use crate::pool::Book;

use super::Ledger;
use super::amount::{Direction, Fixed, MOST, in_steps};
use super::bonus::{Voucher, Vouchers};
use super::bytes::Plain as _;
use super::bytes::{
    get, get_column, get_length, get_rows, get_text, malformed, put_column, put_length, put_unless, take,
};
use super::keys::{Directory, Key};
use super::rows::{AccountRows, BalanceRows, Naming, OrderRows, PositionRows, Rows, SettingRows, Words};
use super::state::{Item, Leg};

/// What the bytes begin with: a name, and the version of what follows.
const BEGINNING: &[u8; 8] = b"XMLEDG\0\x02";

impl Ledger {
    /// Adds the state as bytes: the market, the keys, the rows of all open accounts, the amounts that doubles do not
    /// denote, and vouchers.
    ///
    /// The bytes have neither a checksum nor a length; whoever keeps them adds these.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use crossmargin::book::{Balances, Keys, OnError, Tables};
    /// # use crossmargin::ledger::{Key, Ledger};
    /// # use crossmargin::{Book, Market};
    /// # let market = Arc::new(Market::preset("binance-usdm", None)?);
    /// # let balances =
    /// #     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[0]), wallet_balance: &[100.0], ..Balances::default() };
    /// # let (book, _) = Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse)?;
    /// let ledger = Ledger::new(Arc::new(book));
    /// let mut bytes = Vec::new();
    /// ledger.write(&mut bytes);
    /// let restored = Ledger::read(&mut bytes.as_slice())?;
    /// assert_eq!(restored.find(Key::Int(7)), Some(0));
    /// # Ok::<(), crossmargin::Error>(())
    /// ```
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(BEGINNING);
        put_text(out, self.text.get_or_init(|| self.market.to_toml()));
        (self.places.base().holdings().quantity_unit as u8).put(out);
        self.write_keys(out);
        let closed = (0..self.n_accounts()).filter(|&account| !self.is_open(account));
        let closed: Vec<u32> = closed.map(|account| u32::try_from(account).unwrap_or(NO_KEY)).collect();
        put_column(out, &closed);
        let mut rows = Rows::default();
        for account in (0..self.n_accounts()).filter(|&account| self.is_open(account)) {
            let number = i64::try_from(account).unwrap_or(i64::MAX);
            rows.push(&self.market, &self.words, number, &self.state(account));
        }
        write_rows(out, &rows);
        put_length(out, self.beside.values().map(|beside| beside.exact.len()).sum());
        for (account, beside) in &self.beside {
            for &(item, amount) in &beside.exact {
                account.put(out);
                write_item(out, item);
                amount.digits.put(out);
                amount.exponent.put(out);
            }
        }
        put_length(out, self.beside.values().map(|beside| beside.vouchers.len()).sum());
        for (account, beside) in &self.beside {
            for (asset, vouchers) in &beside.vouchers {
                account.put(out);
                u32::from(*asset).put(out);
                write_vouchers(out, vouchers);
            }
        }
    }

    fn write_keys(&self, out: &mut Vec<u8>) {
        let text = self.keys.is_text(self.first_keys()) == Some(true);
        u8::from(text).put(out);
        put_length(out, self.n_accounts());
        for account in 0..self.n_accounts() {
            match self.key(account) {
                Key::Int(key) => key.put(out),
                Key::Text(key) => put_text(out, key),
            }
        }
    }

    /// Takes a state from the beginning of bytes that [`Self::write`] has written.
    ///
    /// # Errors
    /// [`Error::Argument`] for bytes that are not of a ledger, of another version, cut off, or changed so that they
    /// contradict themselves; [`Error::Market`] for a market that this version does not read.
    ///
    /// # Examples
    /// See [`Self::write`].
    pub fn read(bytes: &mut &[u8]) -> Result<Self> {
        if take(bytes, BEGINNING.len())? != BEGINNING {
            return Err(malformed("it begins otherwise, or is of another version"));
        }
        let text = get_text(bytes)?;
        let market = Arc::new(Market::from_toml(text)?);
        let unit = match get::<u8>(bytes)? {
            0 => QuantityUnit::Contracts,
            1 => QuantityUnit::Base,
            _ => return Err(malformed("quantities have no known unit")),
        };
        let keys = read_keys(bytes)?;
        let closed: Vec<u32> = get_column(bytes)?;
        let n = keys.len();
        if !closed.is_sorted_by(|a, b| a < b) || closed.last().is_some_and(|&last| last as usize >= n) {
            return Err(malformed("closed accounts are out of order"));
        }
        let rows = read_rows(bytes)?;
        check_accounts(&rows, n, &closed)?;
        let words = Words::new(&market);
        let tables = rows.lend(&words, unit, Naming::Numbers);
        let book = Book::build(market, tables, OnError::Refuse).map_err(|error| match error {
            Error::Book(found) => malformed(&found.to_string()),
            other => other,
        });
        let keys = Directory::new(keys);
        let mut ledger = Self::with(Arc::new(book?.0), closed, keys);
        if !ledger.keys.are_distinct(ledger.first_keys()) {
            return Err(malformed("two accounts have one key"));
        }
        ledger.read_exact(bytes)?;
        ledger.read_beside(bytes)?;
        // As it is, so that snapshots of one state are the same bytes.
        ledger.text = OnceLock::from(text.to_owned());
        Ok(ledger)
    }

    fn read_exact(&mut self, bytes: &mut &[u8]) -> Result<()> {
        for _ in 0..get_length(bytes)? {
            let account: u32 = get(bytes)?;
            let item = read_item(bytes)?;
            let amount = Fixed { digits: get(bytes)?, exponent: get(bytes)? };
            // Exponents of doubles within the range of magnitudes, and of sums of them.
            let counted = amount.digits.unsigned_abs() < MOST && amount.exponent.unsigned_abs() <= 400;
            if !self.is_open(account as usize) || !counted {
                return Err(malformed("an amount is of no account"));
            }
            self.beside.entry(account).or_default().exact.push((item, amount));
        }
        Ok(())
    }

    fn read_beside(&mut self, bytes: &mut &[u8]) -> Result<()> {
        for _ in 0..get_length(bytes)? {
            let (account, asset): (u32, u32) = (get(bytes)?, get(bytes)?);
            let vouchers = read_vouchers(bytes)?;
            let rule = self.market.rules().bonus();
            let asset = u16::try_from(asset).ok().filter(|&asset| usize::from(asset) < self.quanta.len());
            let (Some(asset), Some(_), true) = (asset, rule, self.is_open(account as usize)) else {
                return Err(malformed("a bonus is of no account"));
            };
            let (state, quantum) = (self.state(account as usize), self.quanta[usize::from(asset)]);
            let cash = state.cash.iter().find(|cash| cash.asset == asset);
            let there = cash.map(|cash| cash.bonus.fixed().to_exact());
            let counted = there.and_then(|there| in_steps(&there, quantum, Some(Direction::Down)).ok());
            if counted.is_none_or(|steps| steps.count != vouchers.left()) {
                return Err(malformed("vouchers are not the bonus of their account"));
            }
            self.beside.entry(account).or_default().vouchers.push((asset, vouchers));
        }
        Ok(())
    }
}

fn write_vouchers(out: &mut Vec<u8>, vouchers: &Vouchers) {
    vouchers.realized.put(out);
    put_length(out, vouchers.queue.len());
    for voucher in &vouchers.queue {
        voucher.quanta.put(out);
        voucher.paid_share.put(out);
        u8::from(voucher.expires.is_some()).put(out);
        voucher.expires.unwrap_or(0).put(out);
    }
}

fn read_vouchers(bytes: &mut &[u8]) -> Result<Vouchers> {
    let mut vouchers = Vouchers { queue: Vec::new(), realized: get(bytes)? };
    for _ in 0..get_length(bytes)? {
        let (quanta, paid_share) = (get(bytes)?, get(bytes)?);
        let (expires, at): (u8, i64) = (get(bytes)?, get(bytes)?);
        let voucher = Voucher { quanta, paid_share, expires: (expires == 1).then_some(at) };
        if voucher.check().is_err() || voucher.quanta == 0 {
            return Err(malformed("a voucher is none"));
        }
        vouchers.queue.push(voucher);
    }
    Ok(vouchers)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn read_keys(bytes: &mut &[u8]) -> Result<AccountKeys> {
    let text: u8 = get(bytes)?;
    let n = get_length(bytes)?;
    match text {
        // No more is set aside than there are bytes for.
        0 => Ok(AccountKeys::Int((0..n).map(|_| get(bytes)).collect::<Result<_>>()?)),
        1 => Ok(AccountKeys::Text((0..n).map(|_| Ok(get_text(bytes)?.to_owned())).collect::<Result<_>>()?)),
        _ => Err(malformed("keys are neither integers nor names")),
    }
}

/// A column of numbers that are in the range of `u32`.
fn put_numbers(out: &mut Vec<u8>, column: &[i64]) {
    put_length(out, column.len());
    for &number in column {
        u32::try_from(number).unwrap_or(NO_KEY).put(out);
    }
}

fn get_numbers(bytes: &mut &[u8]) -> Result<Vec<i64>> {
    Ok(get_column::<u32>(bytes)?.into_iter().map(i64::from).collect())
}

fn write_rows(out: &mut Vec<u8>, rows: &Rows) {
    let unknown = |x: &f64| x.is_nan();
    let none = |code: &u32| *code == NO_KEY;
    let first = |code: &u32| *code == 0;
    let Rows { balances, positions, orders, accounts, settings } = rows;
    put_numbers(out, &balances.account);
    put_numbers(out, &balances.asset);
    put_column(out, &balances.wallet);
    put_unless(out, &balances.bonus, |x| *x == 0.0);
    put_unless(out, &balances.borrowed, |x| *x == 0.0);
    put_numbers(out, &positions.account);
    put_numbers(out, &positions.instrument);
    put_column(out, &positions.quantity);
    put_column(out, &positions.entry);
    put_unless(out, &positions.leverage, unknown);
    put_unless(out, &positions.fence, unknown);
    put_unless(out, &positions.mode, first);
    put_unless(out, &positions.side, first);
    put_unless(out, &positions.version, none);
    put_unless(out, &positions.tier, unknown);
    put_numbers(out, &orders.account);
    put_numbers(out, &orders.instrument);
    put_column(out, &orders.quantity);
    put_unless(out, &orders.price, unknown);
    put_unless(out, &orders.leverage, unknown);
    put_unless(out, &orders.mode, first);
    put_unless(out, &orders.side, first);
    put_unless(out, &orders.trigger, unknown);
    let reduce_only: Vec<u8> = orders.reduce_only.iter().copied().map(u8::from).collect();
    put_unless(out, &reduce_only, |only| *only == 0);
    put_unless(out, &orders.kind, none);
    put_numbers(out, &accounts.account);
    put_unless(out, &accounts.profile, first);
    put_column(out, &accounts.coefficient);
    put_unless(out, &accounts.mode, first);
    put_unless(out, &accounts.position_mode, none);
    put_numbers(out, &settings.account);
    put_numbers(out, &settings.instrument);
    put_unless(out, &settings.leverage, unknown);
    put_unless(out, &settings.mode, none);
}

fn read_rows(bytes: &mut &[u8]) -> Result<Rows> {
    let account = get_numbers(bytes)?;
    let n = account.len();
    let balances = BalanceRows {
        account,
        asset: get_numbers(bytes)?,
        wallet: get_column(bytes)?,
        bonus: get_rows(bytes, n, 0.0)?,
        borrowed: get_rows(bytes, n, 0.0)?,
    };
    let account = get_numbers(bytes)?;
    let n = account.len();
    let positions = PositionRows {
        account,
        instrument: get_numbers(bytes)?,
        quantity: get_column(bytes)?,
        entry: get_column(bytes)?,
        leverage: get_rows(bytes, n, f64::NAN)?,
        fence: get_rows(bytes, n, f64::NAN)?,
        mode: get_rows(bytes, n, 0)?,
        side: get_rows(bytes, n, 0)?,
        version: get_rows(bytes, n, NO_KEY)?,
        tier: get_rows(bytes, n, f64::NAN)?,
    };
    Ok(Rows { balances, positions, ..read_others(bytes)? })
}

/// The tables beside balances and positions.
fn read_others(bytes: &mut &[u8]) -> Result<Rows> {
    let account = get_numbers(bytes)?;
    let n = account.len();
    let orders = OrderRows {
        account,
        instrument: get_numbers(bytes)?,
        quantity: get_column(bytes)?,
        price: get_rows(bytes, n, f64::NAN)?,
        leverage: get_rows(bytes, n, f64::NAN)?,
        mode: get_rows(bytes, n, 0)?,
        side: get_rows(bytes, n, 0)?,
        trigger: get_rows(bytes, n, f64::NAN)?,
        reduce_only: get_rows::<u8>(bytes, n, 0)?.into_iter().map(|only| only != 0).collect(),
        kind: get_rows(bytes, n, NO_KEY)?,
    };
    let account = get_numbers(bytes)?;
    let n = account.len();
    let accounts = AccountRows {
        account,
        profile: get_rows(bytes, n, 0)?,
        coefficient: get_column(bytes)?,
        mode: get_rows(bytes, n, 0)?,
        position_mode: get_rows(bytes, n, NO_KEY)?,
    };
    let account = get_numbers(bytes)?;
    let n = account.len();
    let settings = SettingRows {
        account,
        instrument: get_numbers(bytes)?,
        leverage: get_rows(bytes, n, f64::NAN)?,
        mode: get_rows(bytes, n, NO_KEY)?,
    };
    Ok(Rows { orders, accounts, settings, ..Rows::default() })
}

/// Refuses rows of accounts that are closed or not there, and accounts without a row of cash: an account is found again by
/// the order of the rows.
fn check_accounts(rows: &Rows, n: usize, closed: &[u32]) -> Result<()> {
    let strange = || malformed("rows are of accounts that are not there");
    let mut open =
        (0_i64..).take(n).filter(|&account| u32::try_from(account).is_ok_and(|a| closed.binary_search(&a).is_err()));
    for same in rows.balances.account.chunk_by(|a, b| a == b) {
        if open.next() != Some(same[0]) {
            return Err(strange());
        }
    }
    if open.next().is_some() {
        return Err(strange());
    }
    let is_open = |&account: &i64| {
        let number = u32::try_from(account).ok().filter(|&number| (number as usize) < n);
        number.is_some_and(|number| closed.binary_search(&number).is_err())
    };
    if rows.account_columns()[1..].iter().all(|column| column.is_sorted() && column.iter().all(is_open)) {
        return Ok(());
    }
    Err(strange())
}

fn write_item(out: &mut Vec<u8>, item: Item) {
    let (kind, at, leg) = match item {
        Item::Wallet(asset) => (0_u8, u32::from(asset), None),
        Item::Quantity(leg) => (1, leg.instrument, Some(leg)),
        Item::Fence(leg) => (2, leg.instrument, Some(leg)),
        Item::Bonus(asset) => (3, u32::from(asset), None),
    };
    kind.put(out);
    at.put(out);
    leg.map_or(0, |leg| leg.side as u8).put(out);
    u8::from(leg.is_some_and(|leg| leg.isolated)).put(out);
}

fn read_item(bytes: &mut &[u8]) -> Result<Item> {
    let (kind, instrument): (u8, u32) = (get(bytes)?, get(bytes)?);
    let (side, isolated): (u8, u8) = (get(bytes)?, get(bytes)?);
    let side = [Side::Net, Side::Long, Side::Short].into_iter().find(|of| *of as u8 == side);
    let side = side.ok_or_else(|| malformed("an amount is of no known side"))?;
    let leg = Leg { instrument, side, isolated: isolated == 1 };
    match kind {
        0 => u16::try_from(instrument).map(Item::Wallet).map_err(|_| malformed("an amount is of no asset")),
        1 => Ok(Item::Quantity(leg)),
        2 => Ok(Item::Fence(leg)),
        3 => u16::try_from(instrument).map(Item::Bonus).map_err(|_| malformed("an amount is of no asset")),
        _ => Err(malformed("an amount is of no known kind")),
    }
}
