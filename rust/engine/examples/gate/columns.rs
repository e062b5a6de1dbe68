//! Columns as files: little-endian numbers and nothing else, as NumPy's `tofile` writes them.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Reads a column of doubles.
pub(crate) fn reals(folder: &Path, name: &str) -> Result<Vec<f64>, Failure> {
    Ok(words(folder, name)?.into_iter().map(f64::from_le_bytes).collect())
}

/// Reads a column of doubles that may be absent.
pub(crate) fn reals_or_none(folder: &Path, name: &str) -> Result<Option<Vec<f64>>, Failure> {
    folder.join(name).exists().then(|| reals(folder, name)).transpose()
}

/// Reads a column of 64-bit integers.
pub(crate) fn integers(folder: &Path, name: &str) -> Result<Vec<i64>, Failure> {
    Ok(words(folder, name)?.into_iter().map(i64::from_le_bytes).collect())
}

fn words<const N: usize>(folder: &Path, name: &str) -> Result<Vec<[u8; N]>, Failure> {
    let bytes = fs::read(folder.join(name)).map_err(|fault| format!("{name}: {fault}"))?;
    let (whole, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{name} has {} bytes, expected a multiple of {N}", bytes.len()).into());
    }
    Ok(whole.to_vec())
}
