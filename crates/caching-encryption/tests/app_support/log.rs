//! What a test's thread logs.
//!
//! One subscriber for the whole process, there before the first event: whether an event is of interest to
//! anybody is asked once, and a test beside this one would answer for all.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes what is logged from now on, debug messages too.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_writer(Lines)
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .init();
    });
}

/// Forgets what this thread has logged so far.
pub fn forget() {
    LINES.with_borrow_mut(Vec::clear);
}

/// What this thread has logged since then.
pub fn text() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
