//! What operators see: logs, numbers, and a line for each request.

mod logs;
mod metrics;
mod cache;
mod requests;
mod module;

pub use logs::init as init_logs;
pub use metrics::{Metrics, MetricsBuilder};
pub use module::TelemetryModule;
