//! Whose the rows of a table are: numbers of accounts, and the rows gathered by account.

use std::collections::HashMap;

use crate::book::{AccountKeys, Keys, NO_KEY};
use crate::memory::with_room;

/// Finds the accounts of a book by their keys.
enum Finder<'a> {
    /// Integers one after the other, from the first.
    Consecutive {
        first: i64,
        n: u64,
    },
    /// Integers that ascend.
    Ascending(&'a [i64]),
    Ints(HashMap<i64, u32>),
    Names(HashMap<&'a str, u32>),
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NO_KEY)
}

impl<'a> Finder<'a> {
    fn new(accounts: &'a AccountKeys) -> Self {
        match accounts {
            AccountKeys::Text(names) => {
                Self::Names(names.iter().enumerate().map(|(at, name)| (name.as_str(), number(at))).collect())
            }
            AccountKeys::Int(keys) => {
                let first = keys.first().copied().unwrap_or(0);
                if keys.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) {
                    return Self::Consecutive { first, n: keys.len() as u64 };
                }
                if keys.is_sorted_by(|a, b| a < b) {
                    return Self::Ascending(keys);
                }
                Self::Ints(keys.iter().enumerate().map(|(at, &key)| (key, number(at))).collect())
            }
        }
    }

    /// The account of an integer; `before` is the one found last.
    fn of_int(&self, key: i64, before: u32) -> u32 {
        match self {
            Self::Consecutive { first, n } => {
                let at = key.wrapping_sub(*first).cast_unsigned();
                if key >= *first && at < *n { u32::try_from(at).unwrap_or(NO_KEY) } else { NO_KEY }
            }
            Self::Ascending(keys) => {
                // Most tables ascend too.
                let next = before.wrapping_add(1);
                let near = [before, next].into_iter().find(|&at| keys.get(at as usize) == Some(&key));
                near.unwrap_or_else(|| keys.binary_search(&key).map_or(NO_KEY, number))
            }
            Self::Ints(keys) => keys.get(&key).copied().unwrap_or(NO_KEY),
            Self::Names(names) => names.get(key.to_string().as_str()).copied().unwrap_or(NO_KEY),
        }
    }

    /// The account of a name; an integer is also the name that it is written as.
    fn of_name(&self, name: &str) -> u32 {
        if let Self::Names(names) = self {
            return names.get(name).copied().unwrap_or(NO_KEY);
        }
        let key = name.parse::<i64>().ok().filter(|key| key.to_string() == name);
        key.map_or(NO_KEY, |key| self.of_int(key, 0))
    }
}

/// The account of each row; [`NO_KEY`] where the book has none of its key.
pub(super) fn accounts_of(accounts: &AccountKeys, keys: &Keys<'_>) -> Vec<u32> {
    let finder = Finder::new(accounts);
    let mut found = with_room(keys.len());
    match keys {
        Keys::Int(keys) if matches!(finder, Finder::Consecutive { .. }) => {
            found.extend(keys.iter().map(|&key| finder.of_int(key, 0)));
        }
        Keys::Int(keys) => {
            let mut before = 0;
            found.extend(keys.iter().map(|&key| {
                before = finder.of_int(key, before);
                before
            }));
        }
        Keys::Text(texts) => {
            let known: Vec<u32> = texts.names.iter().map(|name| finder.of_name(name)).collect();
            found.extend(texts.codes.iter().map(|&code| known.get(code as usize).copied().unwrap_or(NO_KEY)));
        }
    }
    found
}

/// The rows by account, those of an account in their order; `None` where they are so already.
pub(super) fn by_account(of: &[u32]) -> Option<Vec<u32>> {
    if of.is_sorted() {
        return None;
    }
    let mut keyed: Vec<u64> = (0_u64..).zip(of).map(|(row, &account)| u64::from(account) << 32 | row).collect();
    keyed.sort_unstable();
    Some(keyed.into_iter().map(|key| u32::try_from(key & 0xffff_ffff).unwrap_or(NO_KEY)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::TextKeys;

    #[test]
    fn test_accounts_are_found_by_integers_in_any_order() {
        for keys in [vec![3, 4, 5], vec![3, 4, 9], vec![9, 3, 4]] {
            let place = |key: i64| keys.iter().position(|of| *of == key).map_or(NO_KEY, number);
            let asked = [4, 4, 2, 9, 3, i64::MIN, i64::MAX, 5];
            let expected = asked.map(place);
            assert_eq!(accounts_of(&AccountKeys::Int(keys.clone()), &Keys::Int(&asked)), expected);
        }
    }

    #[test]
    fn test_accounts_are_found_by_names_and_by_integers_as_names() {
        let names = ["7", "08", "x"].map(str::to_owned);
        let texts = Keys::Text(TextKeys { codes: &[0, 1, 2, NO_KEY], names: &names });
        assert_eq!(accounts_of(&AccountKeys::Int(vec![8, 7]), &texts), [1, NO_KEY, NO_KEY, NO_KEY]);
        let text = AccountKeys::Text(["x", "7"].map(str::to_owned).to_vec());
        assert_eq!(accounts_of(&text, &texts), [1, NO_KEY, 0, NO_KEY]);
        assert_eq!(accounts_of(&text, &Keys::Int(&[7, 8])), [1, NO_KEY]);
    }

    #[test]
    fn test_rows_are_gathered_by_account_in_their_order() {
        assert_eq!(by_account(&[0, 0, 3]), None);
        assert_eq!(by_account(&[2, 0, 2, NO_KEY, 0]), Some(vec![1, 4, 0, 2, 3]));
    }
}
