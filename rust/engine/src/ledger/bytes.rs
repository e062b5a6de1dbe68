//! Columns as bytes: a length and the values, lowest byte first; and back, refusing what cannot be.

use crate::error::{Error, Result, SnapshotFault};

/// What was wrong with bytes that are no snapshot.
#[cold]
pub(crate) fn malformed(what: &str) -> Error {
    Error::Snapshot(Box::new(SnapshotFault { message: what.to_owned() }))
}

/// A value that is written as it lies in memory, lowest byte first.
pub(crate) trait Plain: Copy {
    /// How many bytes it has.
    const SIZE: usize;
    /// Adds its bytes.
    fn put(self, out: &mut Vec<u8>);
    /// The value of [`Self::SIZE`] bytes.
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Plain for $type {
            const SIZE: usize = size_of::<Self>();
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                bytes.try_into().map_or(Self::default(), Self::from_le_bytes)
            }
        }
    )*};
}

plain!(u8, u32, u64, i32, i64, i128, f64);

/// Adds a number of rows or bytes.
pub(crate) fn put_length(out: &mut Vec<u8>, n: usize) {
    (n as u64).put(out);
}

/// Adds a column.
pub(crate) fn put_column<T: Plain>(out: &mut Vec<u8>, column: &[T]) {
    put_length(out, column.len());
    out.reserve(column.len() * T::SIZE);
    for &value in column {
        value.put(out);
    }
}

/// Adds a column, or an empty one where every value is the usual one.
pub(crate) fn put_unless<T: Plain>(out: &mut Vec<u8>, column: &[T], usual: impl Fn(&T) -> bool) {
    put_column(out, if column.iter().all(usual) { &[] } else { column });
}

/// Takes so many bytes.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8]> {
    let (first, rest) = bytes.split_at_checked(n).ok_or_else(|| malformed("it ends too early"))?;
    *bytes = rest;
    Ok(first)
}

/// Takes one value.
pub(crate) fn get<T: Plain>(bytes: &mut &[u8]) -> Result<T> {
    Ok(T::get(take(bytes, T::SIZE)?))
}

/// Takes a number of rows or bytes; no more than there are bytes left.
pub(crate) fn get_length(bytes: &mut &[u8]) -> Result<usize> {
    let n: u64 = get(bytes)?;
    usize::try_from(n).ok().filter(|&n| n <= bytes.len()).ok_or_else(|| malformed("it ends too early"))
}

/// Takes a column.
pub(crate) fn get_column<T: Plain>(bytes: &mut &[u8]) -> Result<Vec<T>> {
    let n = get_length(bytes)?;
    let size = n.checked_mul(T::SIZE).ok_or_else(|| malformed("it ends too early"))?;
    Ok(take(bytes, size)?.chunks_exact(T::SIZE).map(T::get).collect())
}

/// Takes a column of so many rows; an empty one is of the usual value.
pub(crate) fn get_rows<T: Plain>(bytes: &mut &[u8], n: usize, usual: T) -> Result<Vec<T>> {
    let column = get_column(bytes)?;
    match column.len() {
        0 => Ok(vec![usual; n]),
        len if len == n => Ok(column),
        _ => Err(malformed("columns of a table have different lengths")),
    }
}

/// Takes a text.
pub(crate) fn get_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str> {
    let n = get_length(bytes)?;
    std::str::from_utf8(take(bytes, n)?).map_err(|_| malformed("a text is not UTF-8"))
}
