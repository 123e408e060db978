//! What operators see: logs, numbers, and a line for each request.

mod events;
mod logs;
mod metrics;
mod module;
mod requests;

pub use logs::init as init_logs;
pub use metrics::{Metrics, MetricsBuilder};
pub use module::TelemetryModule;
