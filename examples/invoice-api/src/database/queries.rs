//! A count of the queries, by name.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// How often each query was sent to the database: `database_queries_total{query="invoices_by_id"}`.
///
/// A clone counts into the same numbers.
#[derive(Clone, Debug, Default)]
pub struct QueryCounter(Family<QueryLabels, Counter>);

/// The one label of [`QueryCounter`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct QueryLabels {
    query: &'static str,
}

impl QueryCounter {
    /// Counts one query.
    pub fn count(&self, query: &'static str) {
        self.0.get_or_create(&QueryLabels { query }).inc();
    }

    /// How often the query was sent so far.
    pub fn get(&self, query: &'static str) -> u64 {
        self.0.get_or_create(&QueryLabels { query }).get()
    }

    /// The numbers, for a registry of metrics.
    pub fn family(&self) -> Family<QueryLabels, Counter> {
        self.0.clone()
    }
}
