//! The numbers of the program, in the text format of Prometheus.

use std::sync::Arc;

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
    pub fn register(
        mut self,
        name: &'static str,
        help: &'static str,
        metric: impl Metric,
    ) -> Self {
        self.registry.register(name, help, metric);
        self
    }

    /// Adds numbers that are looked up when somebody asks for them.
    #[must_use]
    pub fn collect(mut self, collector: impl Collector) -> Self {
        self.registry.register_collector(Box::new(collector));
        self
    }
}

#[async_trait]
impl ServiceBuilder for MetricsBuilder {
    type Service = Metrics;

    async fn build(self, _: &Services) -> Result<Metrics, BoxError> {
        Ok(Metrics(Arc::new(self.registry)))
    }
}

/// The numbers of all modules.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Registry>);

impl Metrics {
    /// All numbers as text (OpenMetrics 1.0, which Prometheus reads).
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}
