//! Which rows belong to which account: accounts in the order first seen, rows gathered by account.

use std::collections::HashMap;

use super::tables::{Keys, NO_KEY, TextKeys};
use crate::memory::with_room;

/// The accounts' keys, in the order first seen (balances first, then positions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKeys {
    /// Integer keys.
    Int(Vec<i64>),
    /// Names.
    Text(Vec<String>),
}

impl AccountKeys {
    /// Number of accounts.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Int(keys) => keys.len(),
            Self::Text(keys) => keys.len(),
        }
    }

    /// Whether there is no account.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The rows of one table by account: account `a` has the rows `row(offsets[a]) .. row(offsets[a + 1])`.
#[derive(Debug)]
pub(crate) struct RowsByAccount {
    /// `None`: the rows are in account order as they are.
    order: Option<Vec<u32>>,
    offsets: Vec<u32>,
}

impl RowsByAccount {
    /// The rows of account `account`, in input order.
    pub(crate) fn rows(&self, account: usize) -> impl Iterator<Item = u32> + '_ {
        (self.offsets[account]..self.offsets[account + 1]).map(|i| match &self.order {
            None => i,
            Some(order) => order[i as usize],
        })
    }
}

/// Accounts with their rows in the two tables.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub(crate) accounts: AccountKeys,
    pub(crate) balances: RowsByAccount,
    pub(crate) positions: RowsByAccount,
    /// Of names of one dictionary: which it is, and the account of each code ([`NO_KEY`] for none).
    coded: Option<(*const [String], Vec<u32>)>,
}

/// Gathers the rows of both tables by account. Both columns have the same kind of key.
pub(crate) fn group(balances: &Keys<'_>, positions: &Keys<'_>) -> Grouped {
    match (balances, positions) {
        (Keys::Int(balances), Keys::Int(positions)) => {
            group_sorted(balances, positions).unwrap_or_else(|| group_ints(balances, positions))
        }
        _ => group_texts(balances, positions),
    }
}

impl Grouped {
    /// Gathers the rows of a further table. With `join`, accounts not seen yet come last; else their rows are left out.
    pub(crate) fn attach(&mut self, keys: &Keys<'_>, join: bool) -> RowsByAccount {
        let ids = match keys {
            _ if keys.is_empty() => Vec::new(),
            Keys::Text(keys) if self.coded.as_ref().is_some_and(|(names, _)| std::ptr::eq(*names, keys.names)) => {
                self.ids_by_code(keys, join)
            }
            _ => self.ids_in_order(keys).unwrap_or_else(|| self.ids_by_name(keys, join)),
        };
        let n = self.accounts.len();
        for rows in [&mut self.balances, &mut self.positions] {
            let end = rows.offsets.last().copied().unwrap_or(0);
            rows.offsets.resize(n + 1, end);
        }
        gather(n, &ids)
    }

    /// The fast path: integer keys that ascend like those of the accounts, none of them new.
    fn ids_in_order(&self, keys: &Keys<'_>) -> Option<Vec<u32>> {
        let (AccountKeys::Int(accounts), Keys::Int(keys)) = (&self.accounts, keys) else { return None };
        let mut at = 0;
        let mut ids = with_room(keys.len());
        for key in *keys {
            while at < accounts.len()
                && accounts[at] < *key
                && accounts.get(at + 1).is_none_or(|next| accounts[at] < *next)
            {
                at += 1;
            }
            if accounts.get(at) != Some(key) {
                return None;
            }
            ids.push(row32(at));
        }
        Some(ids)
    }

    /// Names of the dictionary that the accounts are of: equal codes are equal names.
    fn ids_by_code(&mut self, keys: &TextKeys<'_>, join: bool) -> Vec<u32> {
        let (AccountKeys::Text(accounts), Some((_, known))) = (&mut self.accounts, &mut self.coded) else {
            return Vec::new();
        };
        let mut id = |code: u32| {
            let known = &mut known[code as usize];
            if *known == NO_KEY && join {
                *known = row32(accounts.len());
                accounts.push(keys.names[code as usize].clone());
            }
            *known
        };
        keys.codes.iter().map(|&code| id(code)).collect()
    }

    fn ids_by_name(&mut self, keys: &Keys<'_>, join: bool) -> Vec<u32> {
        if let (AccountKeys::Int(accounts), Keys::Int(keys)) = (&mut self.accounts, keys) {
            let mut known: HashMap<i64, u32> =
                (0_usize..).map(row32).zip(accounts.iter()).map(|(id, &key)| (key, id)).collect();
            let mut id = |key: i64| match known.get(&key) {
                Some(&id) => id,
                None if join => {
                    let id = row32(accounts.len());
                    accounts.push(key);
                    known.insert(key, id);
                    id
                }
                None => NO_KEY,
            };
            return keys.iter().map(|&key| id(key)).collect();
        }
        if let AccountKeys::Int(keys) = &self.accounts {
            self.accounts = AccountKeys::Text(keys.iter().map(i64::to_string).collect());
        }
        let AccountKeys::Text(accounts) = &mut self.accounts else { return Vec::new() };
        let mut known: HashMap<String, u32> =
            (0_usize..).map(row32).zip(accounts.iter()).map(|(id, key)| (key.clone(), id)).collect();
        let mut id = |key: &str| match known.get(key) {
            Some(&id) => id,
            None if join => {
                let id = row32(accounts.len());
                accounts.push(key.to_owned());
                known.insert(key.to_owned(), id);
                id
            }
            None => NO_KEY,
        };
        (0..keys.len()).map(|row| id(&keys.show(row))).collect()
    }
}

/// A row number as stored; tables of more rows than `u32` counts are refused before.
pub(crate) fn row32(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(NO_KEY)
}

/// The fast path: both columns ascend and every account with positions has a balance.
fn group_sorted(balances: &[i64], positions: &[i64]) -> Option<Grouped> {
    let mut accounts = with_room(balances.len());
    let mut balance_offsets = with_room(balances.len() + 1);
    let mut position_offsets = with_room(balances.len() + 1);
    let (mut b, mut p) = (0, 0);
    while b < balances.len() {
        let account = balances[b];
        accounts.push(account);
        balance_offsets.push(row32(b));
        position_offsets.push(row32(p));
        while b < balances.len() && balances[b] == account {
            b += 1;
        }
        while p < positions.len() && positions[p] == account {
            p += 1;
        }
        let descends = b < balances.len() && balances[b] < account;
        // A position of a smaller account: unsorted, or an account without a balance.
        let stray = p < positions.len() && positions[p] < account;
        if descends || stray {
            return None;
        }
    }
    if p < positions.len() {
        return None;
    }
    balance_offsets.push(row32(b));
    position_offsets.push(row32(p));
    Some(Grouped {
        accounts: AccountKeys::Int(accounts),
        balances: RowsByAccount { order: None, offsets: balance_offsets },
        positions: RowsByAccount { order: None, offsets: position_offsets },
        coded: None,
    })
}

fn group_ints(balances: &[i64], positions: &[i64]) -> Grouped {
    let mut ids: HashMap<i64, u32> = HashMap::with_capacity(balances.len());
    let mut accounts = Vec::new();
    let mut id_of = |key: i64| {
        *ids.entry(key).or_insert_with(|| {
            accounts.push(key);
            row32(accounts.len() - 1)
        })
    };
    let balance_ids: Vec<u32> = balances.iter().map(|&key| id_of(key)).collect();
    let position_ids: Vec<u32> = positions.iter().map(|&key| id_of(key)).collect();
    let n = accounts.len();
    Grouped {
        accounts: AccountKeys::Int(accounts),
        balances: gather(n, &balance_ids),
        positions: gather(n, &position_ids),
        coded: None,
    }
}

/// Names, or a mixture of names and integers (an integer is then the name it is written as).
fn group_texts(balances: &Keys<'_>, positions: &Keys<'_>) -> Grouped {
    if let (Keys::Text(balances), Keys::Text(positions)) = (balances, positions)
        && std::ptr::eq(balances.names, positions.names)
    {
        return group_coded(balances.names, balances.codes, positions.codes);
    }
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut accounts = Vec::new();
    let mut id_of = |key: &str| {
        if let Some(&id) = ids.get(key) {
            return id;
        }
        let id = row32(accounts.len());
        accounts.push(key.to_owned());
        ids.insert(key.to_owned(), id);
        id
    };
    let balance_ids = ids_of(balances, &mut id_of);
    let position_ids = ids_of(positions, &mut id_of);
    let n = accounts.len();
    Grouped {
        accounts: AccountKeys::Text(accounts),
        balances: gather(n, &balance_ids),
        positions: gather(n, &position_ids),
        coded: None,
    }
}

/// Names of one dictionary: equal codes are equal names, so that none is looked at.
fn group_coded(names: &[String], balances: &[u32], positions: &[u32]) -> Grouped {
    let mut known = vec![NO_KEY; names.len()];
    let mut accounts = Vec::new();
    let mut id_of = |&code: &u32| {
        let known = &mut known[code as usize];
        if *known == NO_KEY {
            *known = row32(accounts.len());
            accounts.push(names[code as usize].clone());
        }
        *known
    };
    let balance_ids: Vec<u32> = balances.iter().map(&mut id_of).collect();
    let position_ids: Vec<u32> = positions.iter().map(&mut id_of).collect();
    let n = accounts.len();
    Grouped {
        accounts: AccountKeys::Text(accounts),
        balances: gather(n, &balance_ids),
        positions: gather(n, &position_ids),
        coded: Some((std::ptr::from_ref(names), known)),
    }
}

fn ids_of(keys: &Keys<'_>, id_of: &mut impl FnMut(&str) -> u32) -> Vec<u32> {
    match keys {
        Keys::Int(keys) => keys.iter().map(|key| id_of(&key.to_string())).collect(),
        Keys::Text(keys) => {
            // One look-up per distinct name, in the order of the rows.
            let mut known = vec![NO_KEY; keys.names.len()];
            let mut id = |code: u32| {
                let known = &mut known[code as usize];
                if *known == NO_KEY {
                    *known = id_of(&keys.names[code as usize]);
                }
                *known
            };
            keys.codes.iter().map(|&code| id(code)).collect()
        }
    }
}

/// A stable counting sort of the rows by account; rows of [`NO_KEY`] are left out.
fn gather(n_accounts: usize, ids: &[u32]) -> RowsByAccount {
    let mut offsets = vec![0_u32; n_accounts + 1];
    let with_account = || (0_usize..).zip(ids).filter(|&(_, &id)| id != NO_KEY);
    for (_, &id) in with_account() {
        offsets[id as usize + 1] += 1;
    }
    for a in 0..n_accounts {
        offsets[a + 1] += offsets[a];
    }
    let mut next = offsets.clone();
    let mut order = vec![0_u32; offsets[n_accounts] as usize];
    for (row, &id) in with_account() {
        let place = &mut next[id as usize];
        order[*place as usize] = row32(row);
        *place += 1;
    }
    RowsByAccount { order: Some(order), offsets }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &RowsByAccount, n: usize) -> Vec<Vec<u32>> {
        (0..n).map(|a| table.rows(a).collect()).collect()
    }

    #[test]
    fn test_group_sorted_and_unsorted_agree() {
        let balances = [1_i64, 2, 2, 5];
        let positions = [1_i64, 1, 5, 5, 5];
        let fast = group(&Keys::Int(&balances), &Keys::Int(&positions));
        let slow = group_ints(&balances, &positions);
        assert_eq!(fast.accounts, slow.accounts);
        assert!(fast.positions.order.is_none());
        assert_eq!(rows(&fast.balances, 3), rows(&slow.balances, 3));
        assert_eq!(rows(&fast.positions, 3), rows(&slow.positions, 3));
    }

    #[test]
    fn test_group_account_without_balance_comes_last() {
        let grouped = group(&Keys::Int(&[7, 9]), &Keys::Int(&[8, 7, 8]));
        assert_eq!(grouped.accounts, AccountKeys::Int(vec![7, 9, 8]));
        assert_eq!(rows(&grouped.positions, 3), [vec![1], vec![], vec![0, 2]]);
    }

    #[test]
    fn test_group_names_of_two_dictionaries_meet() {
        let (a, b) = (["x".to_owned(), "y".to_owned()], ["y".to_owned(), "z".to_owned()]);
        let balances = Keys::Text(TextKeys { codes: &[1, 0], names: &a });
        let positions = Keys::Text(TextKeys { codes: &[0, 1, 0], names: &b });
        let grouped = group(&balances, &positions);
        assert_eq!(grouped.accounts, AccountKeys::Text(vec!["y".into(), "x".into(), "z".into()]));
        assert_eq!(rows(&grouped.positions, 3), [vec![0, 2], vec![], vec![1]]);
    }

    #[test]
    fn test_group_attached_names_of_one_dictionary_join_or_are_left_out() {
        let names = ["x", "y", "z"].map(str::to_owned);
        let copy = names.clone();
        let keys = |codes: &'static [u32], names| Keys::Text(TextKeys { codes, names });
        for further in [&names, &copy] {
            let mut grouped = group(&keys(&[1], &names), &keys(&[], &names));
            let left_out = grouped.attach(&keys(&[0, 1], further), false);
            assert_eq!((grouped.accounts.len(), rows(&left_out, 1)), (1, vec![vec![1]]));
            let joined = grouped.attach(&keys(&[2, 1, 2], further), true);
            assert_eq!(grouped.accounts, AccountKeys::Text(vec!["y".into(), "z".into()]));
            assert_eq!(rows(&joined, 2), [vec![1], vec![0, 2]]);
            assert_eq!(rows(&grouped.balances, 2), [vec![0], vec![]]);
        }
    }

    #[test]
    fn test_group_names_of_one_dictionary_are_grouped_as_of_two() {
        let names = ["x", "unused", "y", "z"].map(str::to_owned);
        let copy = names.clone();
        let keys = |codes: &'static [u32], names| Keys::Text(TextKeys { codes, names });
        let one = group(&keys(&[2, 0, 2], &names), &keys(&[0, 3, 0, 2], &names));
        let two = group(&keys(&[2, 0, 2], &names), &keys(&[0, 3, 0, 2], &copy));
        assert_eq!(one.accounts, AccountKeys::Text(vec!["y".into(), "x".into(), "z".into()]));
        assert_eq!(one.accounts, two.accounts);
        assert_eq!(rows(&one.balances, 3), rows(&two.balances, 3));
        assert_eq!(rows(&one.positions, 3), rows(&two.positions, 3));
    }
}
