//! What the program under test logs.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Once};

/// What is logged by this thread, as lines; for tests on a runtime of one thread.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LISTENING: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

impl Lines {
    /// Listens to this thread.
    pub fn listen() -> Self {
        // One for all tests: one a thread would race with those that have none for who is interested.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(|| LISTENING.with_borrow(|lines| lines.clone().unwrap_or_default()));
            tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        });
        let lines = Self::default();
        LISTENING.set(Some(lines.clone()));
        lines
    }

    pub fn with(&self, part: &str) -> usize {
        self.text()
            .lines()
            .filter(|line| line.contains(part))
            .count()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
