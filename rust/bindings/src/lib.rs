//! `crossmargin._core`: the engine as Python sees it, private to the package.
//!
//! Thin: columns come in ([`columns`]), one call of the engine is made through the one [`door`], columns go out
//! ([`export`]). Docstrings, defaults and everything friendly live in the Python package.
#![deny(unsafe_code)]

mod columns;
mod door;
mod errors;
mod export;
mod objects;

use pyo3::prelude::*;

/// The compiled half of crossmargin; private.
// Not tested without the interpreter's lock, so an interpreter without one turns it on.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::columns::{ArrowColumn, arrow_columns, unnest};
    #[pymodule_export]
    use crate::export::arrow_stream;
    #[pymodule_export]
    use crate::objects::{
        Book, Events, Market, Monitor, Prices, contribution, explain, liquidation_distance, liquidation_prices,
        preset_names, score, score_rows, stream_floor, thread_count, total, underlying_prices,
    };
    #[pymodule_export]
    use crate::objects::{Purse, check_limits, compare_modes, fire_stops, rebalance, withdrawable};

    #[pymodule_export]
    use crate::objects::{
        Proposed, apply_mirrored, apply_orders, check_order, check_orders, max_orders, mirror, size_position,
    };

    use crate::objects::{after_names, mode_column_names, position_price_names, reason_names};
    use crossmargin::score::Column;
    use pyo3::prelude::*;

    /// Adds what is not a function or class.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("FIGURES", Column::ALL.map(Column::name))?;
        module.add("AFTER", after_names())?;
        module.add("REASONS", reason_names())?;
        module.add("POSITION_PRICES", position_price_names())?;
        module.add("MODE_FIGURES", mode_column_names())?;
        module.add("ISAS", available_isas())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    fn available_isas() -> Vec<&'static str> {
        use crossmargin::Isa;
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Isa::name).collect()
    }
}
