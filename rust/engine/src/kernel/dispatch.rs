//! Which instruction set runs.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Plain};

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every processor of the target has.
    Baseline,
    /// AVX2.
    Avx2,
    /// AVX-512 F, DQ, BW and VL.
    Avx512,
}

impl Isa {
    /// All, from the narrowest.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// The name in options and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this processor has it.
    #[must_use]
    #[cfg(target_arch = "x86_64")]
    pub fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
            }
        }
    }

    /// Whether this processor has it.
    #[must_use]
    #[cfg(not(target_arch = "x86_64"))]
    pub fn is_available(self) -> bool {
        self == Self::Baseline
    }

    /// The widest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Baseline))
    }
}

/// Work that runs on any instruction set.
pub(crate) trait Task {
    /// Does the work with lanes `L`. Must be `#[inline(always)]`: it is compiled anew for each instruction set.
    fn run<L: Lanes>(self);
}

/// Runs `task` on `isa`, or on the baseline where the processor lacks it.
pub(crate) fn dispatch<T: Task>(isa: Isa, task: T) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor was just found to have the instructions.
        Isa::Avx512 if isa.is_available() => unsafe { on_avx512(task) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor was just found to have the instructions.
        Isa::Avx2 if isa.is_available() => unsafe { on_avx2(task) },
        _ => task.run::<Plain>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn on_avx512<T: Task>(task: T) {
    task.run::<Avx512>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn on_avx2<T: Task>(task: T) {
    task.run::<Avx2>();
}
