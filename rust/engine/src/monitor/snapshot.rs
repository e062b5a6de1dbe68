//! A monitor as bytes, and back.
//!
//! The bytes have what flags follow from, and no box: accounts, prices, alerts, latches, what soft stops are relative to, and
//! how far the monitor has come. They begin with a mark, the version of their form, their length and a checksum, so that what
//! was torn or changed is told.

use crate::error::Result;
use crate::ledger::Ledger;
use crate::ledger::bytes::{Plain, get, get_column, malformed, put_column, take};
use crate::market::Prices;

use super::alerts::{Alerts, Liquidation};
use super::state::State;
use super::{Monitor, environment};

/// What bytes of a monitor begin with, and the version of their form.
const MARK: &[u8; 8] = b"xmonitor";
const VERSION: u32 = 1;

/// No asset.
const NONE: u32 = u32::MAX;

impl Monitor {
    /// The monitor as bytes: equal bytes for equal monitors.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.put(&mut body);
        let mut out = Vec::with_capacity(body.len() + 32);
        out.extend_from_slice(MARK);
        VERSION.put(&mut out);
        (body.len() as u64).put(&mut out);
        crc32fast::hash(&body).put(&mut out);
        out.append(&mut body);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        let State { prices, alerts, valuation, ledger, .. } = &self.state;
        for count in [self.frame, self.time.cast_unsigned(), self.operations] {
            count.put(out);
        }
        (alerts.liquidation as u8).put(out);
        put_column(out, &alerts.levels);
        alerts.soft_stop.unwrap_or(f64::NAN).put(out);
        for asset in [alerts.valuation, *valuation] {
            asset.and_then(|asset| u32::try_from(asset).ok()).unwrap_or(NONE).put(out);
        }
        for column in [prices.mark(), prices.index(), prices.last()] {
            put_column(out, column);
        }
        let accounts = 0..u32::try_from(ledger.n_accounts()).unwrap_or(u32::MAX);
        let references: Vec<f64> = accounts.clone().map(|account| self.state.accounts.reference(account)).collect();
        put_column(out, &references);
        let stopped: Vec<u32> = accounts.clone().filter(|&account| self.state.is_stopped(account)).collect();
        put_column(out, &stopped);
        let mut latched: Vec<u32> = Vec::new();
        for account in accounts {
            for (order, slot) in self.state.accounts.slots(account).enumerate() {
                let bits = self.state.pools.slots[slot as usize].bits & self.state.levels.latched;
                if bits & self.state.levels.liquidatable != 0 {
                    latched.extend([account, u32::try_from(order).unwrap_or(u32::MAX)]);
                }
            }
        }
        put_column(out, &latched);
        ledger.write(out);
    }

    /// The monitor that bytes are of. The next events are those of the monitor that they were taken of.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`] for bytes that are not all there, were changed, or are of something else or of another version.
    pub fn restore(bytes: &[u8]) -> Result<Self> {
        environment::check()?;
        let mut left = bytes;
        if take(&mut left, MARK.len())? != MARK {
            return Err(malformed("it begins otherwise"));
        }
        let version: u32 = get(&mut left)?;
        if version != VERSION {
            return Err(malformed(&format!("it is of version {version}, expected {VERSION}")));
        }
        let (length, sum): (u64, u32) = (get(&mut left)?, get(&mut left)?);
        if length != left.len() as u64 {
            return Err(malformed(&format!("it has {} bytes after its beginning, expected {length}", left.len())));
        }
        if crc32fast::hash(left) != sum {
            return Err(malformed("its checksum is another"));
        }
        Self::got(&mut left)
    }

    fn got(left: &mut &[u8]) -> Result<Self> {
        let (frame, time, operations): (u64, u64, u64) = (get(left)?, get(left)?, get(left)?);
        let liquidation = match get::<u8>(left)? {
            0 => Liquidation::Off,
            1 => Liquidation::Watched,
            2 => Liquidation::Latched,
            _ => return Err(malformed("an alert is none that there is")),
        };
        let levels = get_column(left)?;
        let soft_stop = Some(get::<f64>(left)?).filter(|share| !share.is_nan());
        let asset = |at: u32| usize::try_from(at).ok().filter(|_| at != NONE);
        let (asked, valuation) = (asset(get(left)?), asset(get(left)?));
        let [mark, index, last] = [get_column(left)?, get_column(left)?, get_column(left)?];
        let (references, stopped, latched): (Vec<f64>, Vec<u32>, Vec<u32>) =
            (get_column(left)?, get_column(left)?, get_column(left)?);
        let ledger = Ledger::read(left)?;
        let market = ledger.market();
        let prices = Prices::new(market, mark, index)?;
        let prices = if last.is_empty() { prices } else { prices.with_last(market, last)? };
        let alerts = Alerts { liquidation, levels, soft_stop, valuation: asked }.checked(market.assets().len())?;
        let fits = references.len() == ledger.n_accounts()
            && valuation.is_none_or(|asset| asset < market.assets().len())
            && stopped.is_sorted();
        if !left.is_empty() || !fits {
            return Err(malformed("its parts do not fit together"));
        }
        let is_stopped = |account: usize| stopped.binary_search(&u32::try_from(account).unwrap_or(u32::MAX)).is_ok();
        let state = State::begun(ledger, prices, (alerts, valuation), (|account| references[account], is_stopped))?;
        let mut monitor = Self {
            state,
            stats: std::sync::Arc::default(),
            frame,
            time: time.cast_signed(),
            operations,
            moved: Vec::new(),
        };
        for of in latched.chunks_exact(2) {
            let slot =
                monitor.state.accounts.slot(of[0], of[1]).ok_or_else(|| malformed("a pool is none that there is"))?;
            monitor.state.latch(slot);
        }
        monitor.count();
        Ok(monitor)
    }
}

impl State {
    /// Sets the latch of a pool.
    fn latch(&mut self, slot: u32) {
        let latch = self.levels.liquidatable & self.levels.latched;
        if self.pools.slots[slot as usize].bits & latch != latch {
            self.pools.slots[slot as usize].bits |= latch;
            let sums = self.sums(slot);
            self.arm(slot, sums.as_ref(), None);
        }
    }
}
