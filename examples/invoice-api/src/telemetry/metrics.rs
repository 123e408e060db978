//! The numbers of the program, in the text format of Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use app_host::{BoxError, ServiceBuilder, Services, async_trait};
use prometheus_client::{
    collector::Collector,
    encoding::text::encode,
    registry::{Metric, Registry},
};

/// Collects the numbers of all modules: each contributes its own.
#[derive(Debug, Default)]
pub struct MetricsBuilder {
    registry: Registry,
}

impl MetricsBuilder {
    /// Adds a number. The name of a counter is given without its ending `_total`.
    #[must_use]
    pub fn register(mut self, name: &'static str, help: &'static str, metric: impl Metric) -> Self {
        self.registry.register(name, help, metric);
        self
    }
}

#[async_trait]
impl ServiceBuilder for MetricsBuilder {
    type Service = Metrics;

    async fn build(self, _: &Services) -> Result<Metrics, BoxError> {
        Ok(Metrics(Arc::new(Mutex::new(self.registry))))
    }
}

/// The numbers of all modules.
// A std lock: held while numbers are added at start and while they are printed, never across an await.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// Adds numbers of a service that is there only now.
    pub fn collect(&self, collector: impl Collector) {
        self.registry().register_collector(Box::new(collector));
    }

    /// All numbers as text (OpenMetrics 1.0, which Prometheus reads).
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry())?;
        Ok(text)
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        // A panic while numbers were printed leaves them as they were.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
