//! What is printed when an application starts.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io;
use std::sync::{Arc, Mutex};

use app_host::{App, BoxError, Dependencies, Module};
use caching_events::{CachingEventsModule, DomainEvent, event_handler, invalidates};
use tracing_subscriber::fmt::MakeWriter;

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid;

#[derive(Default)]
struct Invoices;

impl Module for Invoices {
    fn name(&self) -> &'static str {
        "invoices"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingEventsModule>()
    }
}

#[event_handler(module = Invoices)]
async fn notify(_event: &InvoicePaid) -> Result<(), BoxError> {
    Ok(())
}

#[invalidates(module = Invoices, order = 1, tag = "invoices")]
fn forget_later(event: &InvoicePaid) {}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens on this thread. The only test of its program: a line that another one logs before anyone
    /// listens may be switched off for good.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_handler_is_printed_at_start() {
    let log = Log::default();
    let _listening = log.listen();
    let app = App::builder().without_environment_variables();
    let app = app.module::<Invoices>().build().await.unwrap();
    app.start().await.unwrap();
    app.stop().await;

    let text = log.text();
    let printed: Vec<_> = text
        .lines()
        .filter(|line| line.contains("event=\"invoice.paid\""))
        .collect();
    assert_eq!(printed.len(), 2, "{text}");
    assert!(printed[0].contains("printing::notify"), "{text}");
    assert!(printed[1].contains("printing::forget_later"), "{text}");
    assert!(printed[1].contains("invalidates=true"), "{text}");
}
