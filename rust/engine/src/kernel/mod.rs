//! How a pool's function is computed fast: eight pools side by side, one code for every instruction set.
//!
//! A lane is a pool, never a term of one sum, and nothing but `+ - * /`, comparison and selection is used, so that
//! every instruction set returns the same bits. [`Isa`] says which one runs; it is found out once at run time.
#![expect(unsafe_code, reason = "vector loads and instruction sets found at run time; nowhere else in the crate")]

mod alone;
mod dispatch;
mod figures;
mod lanes;
mod layers;
mod roots;
pub(crate) mod stream;

pub(crate) use alone::{ALIKE, AloneFigures, AloneTerms};
pub use dispatch::Isa;
pub(crate) use dispatch::{Task, dispatch};
pub(crate) use figures::{Figures, Terms};
pub(crate) use lanes::Lanes;
pub(crate) use layers::{LayerFigures, LayerTerms};
pub(crate) use roots::{
    Charges, Counted, CurveTerms, Doubles, Parts, PieceRoot, PieceRoots, PieceTerms, RootFigures, RootTerms,
    SettledRoots, TangentTerms,
};
