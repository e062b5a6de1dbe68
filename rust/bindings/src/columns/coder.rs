//! Names by code.

use std::collections::HashMap;

use crossmargin::book::{NO_KEY, TextKeys};

/// A dictionary-coded column of names in the making.
#[derive(Default)]
pub(crate) struct Coder {
    codes: Vec<u32>,
    names: Vec<String>,
    known: HashMap<String, u32>,
}

impl Coder {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { codes: Vec::with_capacity(rows), ..Self::default() }
    }

    /// The code of a name, new or known.
    pub(crate) fn code(&mut self, name: &str) -> u32 {
        if let Some(&code) = self.known.get(name) {
            return code;
        }
        let code = u32::try_from(self.names.len()).unwrap_or(NO_KEY);
        self.names.push(name.to_owned());
        self.known.insert(name.to_owned(), code);
        code
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, name: &str) {
        // Sorted tables repeat a name many times over.
        let code = match self.codes.last() {
            Some(&last) if self.names.get(last as usize).is_some_and(|known| known == name) => last,
            _ => self.code(name),
        };
        self.codes.push(code);
    }

    /// Adds a row by the code that its name has.
    pub(crate) fn push_code(&mut self, code: u32) {
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

    pub(crate) fn as_keys(&self) -> TextKeys<'_> {
        TextKeys { codes: &self.codes, names: &self.names }
    }
}
