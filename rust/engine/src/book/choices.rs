//! What an account chose: for all it holds, and for single instruments.

use crate::error::FaultKind;

use super::checked::Checked;
use super::validate::{Faults, Part};

/// What an account chose for an instrument: its leverage (NaN where unknown), and whether it isolates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) instrument: u32,
    pub(crate) leverage: f64,
    pub(crate) isolated: Option<bool>,
}

/// What is known of an account beside its holdings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Known {
    /// The fee profile, in the market's order.
    pub(crate) profile: u16,
    /// What its tier bounds are multiplied with.
    pub(crate) coefficient: f64,
    /// Whether it is in hedge mode, where it says so.
    pub(crate) hedging: Option<bool>,
    /// Whether it isolates what does not say otherwise.
    pub(crate) isolates: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { profile: 0, coefficient: 1.0, hedging: None, isolates: false }
    }
}

/// The choices of those accounts that made some: what later operations on them go by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    /// Ascending.
    accounts: Vec<u32>,
    known: Vec<Known>,
    /// Where the settings of each account end.
    ends: Vec<u32>,
    settings: Vec<Setting>,
}

impl Chosen {
    /// Whether no account chose anything.
    pub(crate) const fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// What an account chose; the default where it chose nothing.
    #[inline]
    pub(crate) fn of(&self, account: usize) -> (Known, &[Setting]) {
        if self.is_empty() {
            return (Known::default(), &[]);
        }
        match self.accounts.binary_search_by(|known| (*known as usize).cmp(&account)) {
            Ok(at) => {
                let first = at.checked_sub(1).map_or(0, |before| self.ends[before]);
                (self.known[at], &self.settings[first as usize..self.ends[at] as usize])
            }
            Err(_) => (Known::default(), &[]),
        }
    }

    /// Notes the choices of an account beyond those noted, where it made some.
    pub(super) fn note(&mut self, account: u32, choices: &Choices) {
        let Choices { profile, coefficient, hedging, isolates, ref settings } = *choices;
        let known = Known { profile, coefficient, hedging, isolates };
        if known == Known::default() && settings.is_empty() {
            return;
        }
        self.accounts.push(account);
        self.known.push(known);
        self.settings.extend_from_slice(settings);
        self.ends.push(super::accounts::row32(self.settings.len()));
    }
}

/// The rows of one account in the tables `accounts` and `settings`.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) profile: u16,
    pub(super) coefficient: f64,
    /// Whether the account is in hedge mode, where it says so.
    pub(super) hedging: Option<bool>,
    /// Whether it isolates what does not say otherwise.
    isolates: bool,
    settings: Vec<Setting>,
}

impl Default for Choices {
    fn default() -> Self {
        Self { profile: 0, coefficient: 1.0, hedging: None, isolates: false, settings: Vec::new() }
    }
}

impl Choices {
    /// Reads the rows of an account.
    pub(super) fn read(
        &mut self,
        checked: &Checked<'_>,
        accounts: impl Iterator<Item = u32>,
        settings: impl Iterator<Item = u32>,
        faults: &mut Faults,
    ) {
        (self.profile, self.coefficient, self.hedging, self.isolates) = (0, 1.0, None, false);
        let mut first = None;
        for row in accounts {
            let at = row as usize;
            if let Some(first) = first {
                let cure = format!("row {first} has the same account; give one row");
                let value = checked.tables.accounts.account.show(at);
                faults.add(Part::Accounts, at, "account", value, (FaultKind::Duplicate, &cure));
            }
            first = Some(row);
            (self.profile, self.coefficient) = (checked.profile(at), checked.tier_coefficient(at));
            (self.hedging, self.isolates) = (checked.is_hedging(at), checked.account_isolates(at));
        }
        self.settings.clear();
        for row in settings {
            let at = row as usize;
            let instrument = checked.setting_instrument.get(at);
            if self.of(instrument).is_some() {
                let value = checked.tables.settings.instrument.show(at);
                let cure = "another row has the same account and instrument; give one row";
                faults.add(Part::Settings, at, "instrument", value, (FaultKind::Duplicate, cure));
            }
            let (leverage, isolated) = checked.setting(at);
            self.settings.push(Setting { instrument, leverage, isolated });
        }
    }

    pub(super) const fn has_settings(&self) -> bool {
        !self.settings.is_empty()
    }

    fn of(&self, instrument: u32) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.instrument == instrument)
    }

    /// Whether the account's setting for an instrument isolates it, where there is one that says so.
    pub(super) fn said(&self, instrument: u32) -> Option<bool> {
        self.of(instrument).and_then(|setting| setting.isolated)
    }

    /// Whether a row of an instrument that does not say its mode is isolated.
    pub(super) fn isolates(&self, instrument: u32) -> bool {
        self.said(instrument).unwrap_or(self.isolates)
    }

    /// Leverage of a row, or else the account's for the instrument; NaN where unknown.
    pub(super) fn leverage(&self, of_row: f64, instrument: u32) -> f64 {
        if of_row.is_nan() { self.of(instrument).map_or(f64::NAN, |setting| setting.leverage) } else { of_row }
    }
}
