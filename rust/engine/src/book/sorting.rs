//! What positions and orders are sorted by on their way into an account, and the classes that they are put into.

use std::collections::HashMap;

use super::checked::Side;
use super::holdings::MarginClass;

/// One position or order on its way into an account: what it is sorted by, and its row.
pub(super) type Leg = (u64, u32);

/// The sort key: cross before isolated, then asset, instrument, side.
pub(super) fn leg_key(isolated: bool, asset: usize, instrument: u32, side: Side) -> u64 {
    u64::from(isolated) << 50 | (asset as u64) << 34 | u64::from(instrument) << 2 | side as u64
}

pub(super) const fn leg_asset(key: u64) -> u16 {
    ((key >> 34) & 0xffff) as u16
}

pub(super) const fn leg_instrument(key: u64) -> u32 {
    ((key >> 2) & 0xffff_ffff) as u32
}

pub(super) const fn leg_side(key: u64) -> Side {
    match key & 3 {
        1 => Side::Long,
        2 => Side::Short,
        _ => Side::Net,
    }
}

pub(super) const fn leg_is_isolated(key: u64) -> bool {
    key >> 50 != 0
}

/// The margin classes met so far.
pub(super) struct ClassIndex {
    /// Class of an instrument where nothing but the instrument matters.
    pub(super) plain: Vec<u16>,
    other: HashMap<(u32, Option<u16>, u16, u64, u16), u16>,
    pub(super) classes: Vec<MarginClass>,
}

impl ClassIndex {
    pub(super) fn new(held: &[u32], n_instruments: usize) -> Self {
        let mut index = Self { plain: vec![0; n_instruments], other: HashMap::new(), classes: Vec::new() };
        for &instrument in held {
            index.plain[instrument as usize] = index.push(MarginClass::plain(instrument));
        }
        index
    }

    /// Class 0 of the kernel's tables is the padding's, hence one less than u16 counts; checked when all is done.
    fn push(&mut self, class: MarginClass) -> u16 {
        self.classes.push(class);
        u16::try_from(self.classes.len() - 1).unwrap_or(u16::MAX)
    }

    pub(super) fn get(&mut self, class: MarginClass) -> u16 {
        if class == MarginClass::plain(class.instrument) {
            return self.plain[class.instrument as usize];
        }
        let key = (class.instrument, class.version, class.tier, class.coefficient.to_bits(), class.profile);
        if let Some(&known) = self.other.get(&key) {
            return known;
        }
        let new = self.push(class);
        self.other.insert(key, new);
        new
    }
}
