//! Names by code.

use std::hash::{BuildHasher, RandomState};

use crossmargin::book::NO_KEY;

/// Distinct names in the order first seen, and where to find them.
///
/// While each new name is greater than all before, as in a table sorted by its keys, the names are their own index: a
/// name is new when it is greater, or stands a little after the last one looked for. The first that does neither brings
/// in a table of open addressing. A name is allocated once, however many rows it has.
#[derive(Default)]
pub(crate) struct Names {
    texts: Vec<String>,
    /// Half a hash above, the code with that hash below; at most half of the places are taken, their number a power of
    /// two. With the hash beside the code, a new name is known to be new without a look at any other. Empty while the
    /// names ascend.
    places: Vec<u64>,
    state: RandomState,
}

/// A place that no name has taken.
const FREE: u64 = u64::MAX;
/// How far from the last name looked for the next is searched by comparison, in steps that double.
const NEAR: usize = 64;

impl Names {
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.texts
    }

    /// Names that are distinct, each with its place as its code.
    pub(crate) fn of(distinct: &[String]) -> Self {
        let mut names = Self::default();
        for name in distinct {
            let last = u32::try_from(names.texts.len()).unwrap_or(u32::MAX);
            names.code(name, last.saturating_sub(1));
        }
        names
    }

    /// The code of a name, new or known; near the code `hint` it is found soonest.
    pub(crate) fn code(&mut self, name: &str, hint: u32) -> u32 {
        if self.places.is_empty() {
            if self.texts.last().is_none_or(|last| last.as_str() < name) {
                return self.push(name);
            }
            if let Some(code) = self.near(name, hint) {
                return code;
            }
        }
        if self.places.len() < 2 * (self.texts.len() + 1) {
            self.grow();
        }
        let hash = self.state.hash_one(name) >> 32;
        let mask = self.places.len() - 1;
        let mut place = low(hash) as usize & mask;
        loop {
            let taken = self.places[place];
            if taken == FREE {
                break;
            }
            if taken >> 32 == hash && self.texts[low(taken) as usize] == name {
                return low(taken);
            }
            place = (place + 1) & mask;
        }
        let code = self.push(name);
        self.places[place] = hash << 32 | u64::from(code);
        code
    }

    fn push(&mut self, name: &str) -> u32 {
        self.texts.push(name.to_owned());
        u32::try_from(self.texts.len() - 1).unwrap_or(NO_KEY)
    }

    /// The code of a name among ascending ones, if it stands after the hint and not far from it.
    fn near(&self, name: &str, hint: u32) -> Option<u32> {
        let start = if hint == NO_KEY { 0 } else { hint as usize };
        let mut step = 1;
        while step < NEAR && self.texts.get(start + step).is_some_and(|text| text.as_str() < name) {
            step *= 2;
        }
        let end = self.texts.len().min(start + step + 1);
        let found = self.texts.get(start..end)?.binary_search_by(|text| text.as_str().cmp(name)).ok()?;
        u32::try_from(start + found).ok()
    }

    fn grow(&mut self) {
        let size = (4 * self.texts.len()).next_power_of_two().max(16);
        let before = std::mem::replace(&mut self.places, vec![FREE; size]);
        let indexed = before.iter().any(|&taken| taken != FREE);
        let hashed = |(code, text): (u64, &String)| (self.state.hash_one(text) >> 32) << 32 | code;
        let fresh = (0..).zip(&self.texts).filter(|_| !indexed).map(hashed);
        for taken in before.into_iter().filter(|&taken| taken != FREE).chain(fresh) {
            let mut place = low(taken >> 32) as usize & (size - 1);
            while self.places[place] != FREE {
                place = (place + 1) & (size - 1);
            }
            self.places[place] = taken;
        }
    }
}

/// The lower half.
const fn low(x: u64) -> u32 {
    (x & 0xffff_ffff) as u32
}

/// A column of codes in the making.
pub(crate) struct Coder<'a> {
    pub(crate) names: &'a mut Names,
    pub(crate) codes: Vec<u32>,
}

impl<'a> Coder<'a> {
    pub(crate) fn new(names: &'a mut Names, rows: usize) -> Self {
        Self { names, codes: Vec::with_capacity(rows) }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, name: &str) {
        // Sorted tables repeat a name many times over, and of two tables in one order the second meets the names in
        // the order of their codes: neither needs a search.
        let last = self.codes.last().copied().unwrap_or(NO_KEY);
        let is_name = |code: &u32| self.names.texts.get(*code as usize).is_some_and(|known| known == name);
        let code = match [last, last.wrapping_add(1)].iter().find(|&code| is_name(code)) {
            Some(&code) => code,
            None => self.names.code(name, last),
        };
        self.codes.push(code);
    }

    /// Adds the last row once more.
    pub(crate) fn repeat(&mut self) {
        self.codes.push(self.codes.last().copied().unwrap_or(NO_KEY));
    }

    /// Adds a row without a name.
    pub(crate) fn push_null(&mut self) {
        self.codes.push(NO_KEY);
    }
}
