//! Logs: lines of JSON in production, readable ones elsewhere.

use std::io;

use app_host::Environment;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `RUST_LOG` says something else.
const DEFAULT_FILTER: &str = "info";

/// Sends what the program logs to standard error. Called once, by the program and not by a module: a process
/// has one logger, however many applications run in it.
///
/// `RUST_LOG` chooses what is logged: `RUST_LOG=info,sqlx::query=debug` adds every statement, without values.
pub fn init(environment: &Environment) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let already = if environment.is_production() {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    if already.is_err() {
        tracing::debug!("a logger is there already");
    }
}
