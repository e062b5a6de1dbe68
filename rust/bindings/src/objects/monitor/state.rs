//! What is behind the lock of a monitor.

use crossmargin::book::AccountKeys;
use crossmargin::monitor::{Event, Frames, Monitor, NO_TIME};
use crossmargin::{Error, Result};

use super::events::keys_of;
use super::log;

/// The engine's monitor, and what its last call brought.
pub(super) struct State {
    pub(super) engine: Monitor,
    /// What the last call brought, and room for what the next one brings.
    pub(super) last: Vec<Event>,
    pub(super) next: Vec<Event>,
    /// Lines of the log that nobody has taken; `None` where there is no log.
    pub(super) lines: Option<String>,
}

/// Events of a call that ended, without the interpreter.
pub(super) struct Brought {
    pub(super) events: Vec<Event>,
    pub(super) accounts: AccountKeys,
}

impl State {
    /// Makes a change; what it brought is kept, also where it was stopped between frames.
    pub(super) fn change<T>(&mut self, work: impl FnOnce(&mut Monitor, &mut Vec<Event>) -> Result<T>) -> Result<T> {
        self.next.clear();
        let made = work(&mut self.engine, &mut self.next);
        if matches!(made, Ok(_) | Err(Error::Stopped)) {
            std::mem::swap(&mut self.last, &mut self.next);
        }
        made
    }

    /// What the last call brought; `None` where it brought nothing.
    pub(super) fn brought(&self) -> Option<Brought> {
        (!self.last.is_empty()).then(|| self.all_brought())
    }

    pub(super) fn all_brought(&self) -> Brought {
        Brought { events: self.last.clone(), accounts: keys_of(self.engine.ledger(), &self.last) }
    }

    /// Adds the frames since one to the log.
    pub(super) fn log_frames(&mut self, before: u64, frames: &Frames<'_>) {
        let Some(lines) = &mut self.lines else { return };
        let n = usize::try_from(self.engine.frame() - before).unwrap_or(usize::MAX).min(frames.len());
        let mut start = 0;
        for frame in 0..n {
            let end = frames.ends.map_or(frame + 1, |ends| ends[frame] as usize);
            let time = frames.times.map_or(NO_TIME, |times| times[frame]);
            let number = before + 1 + frame as u64;
            log::frame(lines, self.engine.ledger().market(), number, time, &frames.ticks[start..end]);
            start = end;
        }
    }
}
