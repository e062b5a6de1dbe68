//! Which account has which key: looked up in what is sorted once, when first asked.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::book::{AccountKeys, Keys};

/// The key of an account: an integer or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// An integer.
    Int(i64),
    /// A name.
    Text(&'a str),
}

impl Key<'_> {
    /// The key as it is written.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Self::Int(key) => key.to_string(),
            Self::Text(key) => (*key).to_owned(),
        }
    }
}

/// The key of a row; `None` for a row without one.
pub(super) fn key_at<'a>(keys: &Keys<'a>, row: usize) -> Option<Key<'a>> {
    match keys {
        Keys::Int(keys) => Some(Key::Int(keys[row])),
        Keys::Text(keys) => keys.names.get(keys.codes[row] as usize).map(|name| Key::Text(name)),
    }
}

/// The keys of accounts by number, and the numbers by key.
///
/// The keys of the book that a ledger begins with stay where they are; those that come later are kept here.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    /// The first keys, where they are not those of the book that the ledger began with.
    own: Option<AccountKeys>,
    /// Numbers of the first accounts by key; `None` where keys ascend as they are.
    sorted: OnceLock<Option<Vec<u32>>>,
    later_ints: Vec<i64>,
    later_names: Vec<String>,
    ints: BTreeMap<i64, u32>,
    names: BTreeMap<String, u32>,
}

impl Directory {
    /// A directory that begins with keys of its own.
    pub(super) fn new(own: AccountKeys) -> Self {
        Self { own: Some(own), ..Self::default() }
    }

    fn first<'a>(&'a self, base: &'a AccountKeys) -> &'a AccountKeys {
        self.own.as_ref().unwrap_or(base)
    }

    pub(super) fn len(&self, base: &AccountKeys) -> usize {
        self.first(base).len() + self.later_ints.len() + self.later_names.len()
    }

    /// Whether keys are names; `None` where there is no account yet.
    pub(super) fn is_text(&self, base: &AccountKeys) -> Option<bool> {
        match self.first(base) {
            AccountKeys::Int(keys) if !keys.is_empty() => Some(false),
            AccountKeys::Text(keys) if !keys.is_empty() => Some(true),
            _ if !self.later_ints.is_empty() => Some(false),
            _ => (!self.later_names.is_empty()).then_some(true),
        }
    }

    pub(super) fn key<'a>(&'a self, base: &'a AccountKeys, account: usize) -> Key<'a> {
        let first = self.first(base);
        match first {
            AccountKeys::Int(keys) if account < keys.len() => Key::Int(keys[account]),
            AccountKeys::Text(keys) if account < keys.len() => Key::Text(&keys[account]),
            _ => match self.later_ints.get(account - first.len()) {
                Some(&key) => Key::Int(key),
                None => Key::Text(&self.later_names[account - first.len()]),
            },
        }
    }

    /// The number of a key. An integer is also the name that it is written as, and the other way round.
    pub(super) fn find(&self, base: &AccountKeys, key: Key<'_>) -> Option<usize> {
        match (self.is_text(base)?, key) {
            (false, Key::Int(key)) => self.find_int(base, key),
            (true, Key::Text(key)) => self.find_text(base, key),
            (true, Key::Int(key)) => self.find_text(base, &key.to_string()),
            (false, Key::Text(name)) => self.find_int(base, integer(name)?),
        }
    }

    fn find_int(&self, base: &AccountKeys, key: i64) -> Option<usize> {
        let AccountKeys::Int(keys) = self.first(base) else { return self.ints.get(&key).map(|&at| at as usize) };
        let found = match self.sorted(base) {
            None => keys.binary_search(&key).ok(),
            Some(sorted) => {
                let found = sorted.binary_search_by(|&at| keys[at as usize].cmp(&key)).ok();
                found.map(|place| sorted[place] as usize)
            }
        };
        found.or_else(|| self.ints.get(&key).map(|&at| at as usize))
    }

    fn find_text(&self, base: &AccountKeys, key: &str) -> Option<usize> {
        let AccountKeys::Text(keys) = self.first(base) else { return self.names.get(key).map(|&at| at as usize) };
        let found = match self.sorted(base) {
            None => keys.binary_search_by(|name| name.as_str().cmp(key)).ok(),
            Some(sorted) => {
                let found = sorted.binary_search_by(|&at| keys[at as usize].as_str().cmp(key)).ok();
                found.map(|place| sorted[place] as usize)
            }
        };
        found.or_else(|| self.names.get(key).map(|&at| at as usize))
    }

    /// Whether no two of the first accounts have one key.
    pub(super) fn are_distinct(&self, base: &AccountKeys) -> bool {
        match (self.first(base), self.sorted(base)) {
            (AccountKeys::Int(keys), None) => keys.is_sorted_by(|a, b| a < b),
            (AccountKeys::Text(keys), None) => keys.is_sorted_by(|a, b| a < b),
            (AccountKeys::Int(keys), Some(sorted)) => sorted.is_sorted_by(|&a, &b| keys[a as usize] < keys[b as usize]),
            (AccountKeys::Text(keys), Some(sorted)) => {
                sorted.is_sorted_by(|&a, &b| keys[a as usize] < keys[b as usize])
            }
        }
    }

    fn sorted(&self, base: &AccountKeys) -> Option<&[u32]> {
        let numbers = |n: usize| (0..n).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect::<Vec<u32>>();
        let sort = || match self.first(base) {
            AccountKeys::Int(keys) if keys.is_sorted() => None,
            AccountKeys::Text(keys) if keys.is_sorted() => None,
            AccountKeys::Int(keys) => {
                let mut sorted = numbers(keys.len());
                sorted.sort_unstable_by_key(|&at| keys[at as usize]);
                Some(sorted)
            }
            AccountKeys::Text(keys) => {
                let mut sorted = numbers(keys.len());
                sorted.sort_unstable_by(|&a, &b| keys[a as usize].cmp(&keys[b as usize]));
                Some(sorted)
            }
        };
        self.sorted.get_or_init(sort).as_deref()
    }

    /// Gives the next number to a key, which must be new and of the kind of the others.
    pub(super) fn push(&mut self, base: &AccountKeys, key: Key<'_>) {
        let number = u32::try_from(self.len(base)).unwrap_or(u32::MAX);
        match key {
            Key::Int(key) => {
                self.later_ints.push(key);
                self.ints.insert(key, number);
            }
            Key::Text(key) => {
                self.later_names.push(key.to_owned());
                self.names.insert(key.to_owned(), number);
            }
        }
    }
}

/// The integer that a name writes, where it is written as that integer is.
pub(super) fn integer(name: &str) -> Option<i64> {
    name.parse::<i64>().ok().filter(|key| key.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_directory_finds_first_and_later_keys_in_any_order() {
        for first in [vec![3, 5, 9], vec![9, 3, 5]] {
            let base = AccountKeys::Int(first.clone());
            let mut directory = Directory::default();
            directory.push(&base, Key::Int(4));
            for (number, key) in first.iter().chain(&[4]).enumerate() {
                assert_eq!(directory.find(&base, Key::Int(*key)), Some(number));
                assert_eq!(directory.find(&base, Key::Text(&key.to_string())), Some(number));
                assert_eq!(directory.key(&base, number), Key::Int(*key));
            }
            assert_eq!(directory.find(&base, Key::Int(8)), None);
            assert_eq!(directory.find(&base, Key::Text("03")), None);
            assert_eq!(directory.len(&base), 4);
        }
    }

    #[test]
    fn test_directory_of_names_finds_integers_as_they_are_written() {
        let base = AccountKeys::Text(vec!["b".into(), "7".into()]);
        let mut directory = Directory::default();
        directory.push(&base, Key::Text("a"));
        assert_eq!(directory.find(&base, Key::Int(7)), Some(1));
        assert_eq!(directory.find(&base, Key::Text("a")), Some(2));
        assert_eq!(directory.key(&base, 2), Key::Text("a"));
        assert_eq!(Directory::default().is_text(&AccountKeys::Int(Vec::new())), None);
    }
}
