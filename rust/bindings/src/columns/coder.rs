//! Names by code.

use std::hash::{BuildHasher, RandomState};

use crossmargin::book::NO_KEY;

/// Distinct names in the order first seen, and where to find them.
///
/// A table of open addressing over the names themselves: a name is allocated once, however many rows it has.
#[derive(Default)]
pub(crate) struct Names {
    texts: Vec<String>,
    /// Upper half of each name's hash.
    hashes: Vec<u32>,
    /// Codes by place; at most half of them taken, their number a power of two.
    places: Vec<u32>,
    state: RandomState,
}

impl Names {
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.texts
    }

    /// The code of a name, new or known.
    pub(crate) fn code(&mut self, name: &str) -> u32 {
        if self.places.len() < 2 * (self.texts.len() + 1) {
            self.grow();
        }
        let hash = u32::try_from(self.state.hash_one(name) >> 32).unwrap_or_default();
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let code = self.places[place];
            if code == NO_KEY {
                break;
            }
            if self.hashes[code as usize] == hash && self.texts[code as usize] == name {
                return code;
            }
            place = (place + 1) & mask;
        }
        let code = u32::try_from(self.texts.len()).unwrap_or(NO_KEY);
        self.places[place] = code;
        self.texts.push(name.to_owned());
        self.hashes.push(hash);
        code
    }

    fn grow(&mut self) {
        let size = (4 * self.texts.len()).next_power_of_two().max(16);
        self.places = vec![NO_KEY; size];
        for (code, &hash) in (0..).zip(&self.hashes) {
            let mut place = hash as usize & (size - 1);
            while self.places[place] != NO_KEY {
                place = (place + 1) & (size - 1);
            }
            self.places[place] = code;
        }
    }
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
        // Sorted tables repeat a name many times over.
        let last = self.codes.last().and_then(|&last| self.names.texts.get(last as usize));
        if last.is_some_and(|last| last == name) {
            self.repeat();
        } else {
            self.codes.push(self.names.code(name));
        }
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
