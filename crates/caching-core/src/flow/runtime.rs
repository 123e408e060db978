//! The runtime that a call is made in, and whether it can be waited on.

use std::cell::Cell;
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use crate::error::CacheError;

thread_local! {
    /// The runtime that was seen last on this thread to drive timers: asking is dear, and it stays so.
    static WITH_TIMERS: Cell<Option<Id>> = const { Cell::new(None) };
}

/// The runtime that this is called in.
///
/// # Errors
///
/// There is none, or it drives no timers, so that no limit would ever end anything.
pub(crate) fn runtime() -> Result<Handle, CacheError> {
    let runtime = Handle::try_current().map_err(|_| CacheError::NoRuntime)?;
    if has_timers(&runtime) {
        Ok(runtime)
    } else {
        Err(CacheError::NoTimers)
    }
}

/// The same, for who has another way where there is none.
pub(crate) fn usable_runtime() -> Option<Handle> {
    runtime().ok()
}

fn has_timers(runtime: &Handle) -> bool {
    let id = Some(runtime.id());
    if WITH_TIMERS.get() == id {
        return true;
    }
    // Tokio has no other way to ask.
    let has_timers = std::panic::catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok();
    if has_timers {
        WITH_TIMERS.set(id);
    }
    has_timers
}
