//! What is exported, under which name. `docs/reference/metrics.md` says of each what is healthy.

use super::{Found, Seen};
use crate::observe::Stats;
use crate::observe::status::SharedStatus;

/// One number.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) label: Option<(&'static str, &'static str)>,
    /// Nothing where the cache has no such number.
    pub(super) read: for<'a> fn(&Seen<'a>) -> Option<Found<'a>>,
}

/// A number of the process alone.
macro_rules! own {
    ($name:literal, $help:literal, $field:ident) => {
        row($name, $help, |seen| Some(Found::Counter(seen.stats.$field)))
    };
}

/// A number that a cache has which shares a store.
macro_rules! shared {
    ($name:literal, $help:literal, $field:ident) => {
        row($name, $help, |seen| seen.counter(|stats| stats.$field))
    };
}

/// The rows of a name stand together.
pub(super) const TABLE: &[Row] = &[
    // Reads
    own!(
        "cache_hits",
        "Reads answered with a fresh value of this process",
        hits
    ),
    own!(
        "cache_l2_hits",
        "Reads answered with a value of the shared store",
        l2_hits
    ),
    own!("cache_misses", "Reads that found nothing", misses),
    own!(
        "cache_joins",
        "Reads that waited for the load of another",
        joins
    ),
    own!(
        "cache_stale_hits",
        "Reads answered with a stale value",
        stale_hits
    ),
    row("cache_entries", "Entries in this process", |seen| {
        Some(Found::Gauge(seen.stats.entries))
    }),
    // Loads and stores
    own!("cache_loads", "Loads that succeeded", factory_successes),
    own!("cache_load_failures", "Loads that failed", factory_failures),
    own!(
        "cache_load_timeouts",
        "Loads that were given up",
        factory_timeouts
    ),
    in_unit(
        SECONDS,
        row(
            "cache_load_duration",
            "How long loads took, whatever came of them",
            |seen| Some(Found::Measured(&seen.engine.factory_times)),
        ),
    ),
    own!(
        "cache_background_loads",
        "Loads that went on behind their callers",
        background_loads
    ),
    own!(
        "cache_eager_refreshes",
        "Refreshes that began before their entry was stale",
        eager_refreshes
    ),
    own!(
        "cache_stores",
        "Values that were stored in this process",
        stores
    ),
    own!(
        "cache_refused_stores",
        "Values that an invalidation overtook while they were loaded",
        refused_stores
    ),
    own!(
        "cache_lagging_loads",
        "Values that were kept briefly since their source may have lagged",
        lagging_loads
    ),
    own!(
        "cache_reaped",
        "Entries whose room was given back by request",
        reaped
    ),
    // Invalidations
    own!(
        "cache_invalidations",
        "Keys that were removed or expired",
        invalidations
    ),
    own!(
        "cache_purges",
        "Tags, kinds, scopes and caches that were removed or expired",
        purges
    ),
    shared!(
        "cache_notices_sent",
        "Invalidations that the shared store has applied for this process",
        notices_sent
    ),
    shared!(
        "cache_notices_heard",
        "Notices of invalidations that came, own ones included",
        notices
    ),
    shared!(
        "cache_notice_gaps",
        "Notices that came with one missing before them",
        gaps
    ),
    shared!(
        "cache_notices_replayed",
        "Invalidations that were missed and replayed",
        replays
    ),
    shared!(
        "cache_queued",
        "Messages with invalidations that had to be queued",
        queued
    ),
    shared!(
        "cache_resent",
        "Messages with queued invalidations that were sent after all",
        resent
    ),
    row(
        "cache_queue_length",
        "Invalidations that wait to be sent",
        |seen| seen.gauge(|status| status.queued as u64),
    ),
    in_unit(
        SECONDS,
        row(
            "cache_propagation",
            "From when an invalidation was sent to when its notice was heard",
            |seen| {
                Some(Found::Measured(
                    seen.engine.shared.as_ref()?.propagation.took(),
                ))
            },
        ),
    ),
    // Being current
    in_unit(
        "milliseconds",
        row(
            "cache_lease_left",
            "How long what is kept may be given without an answer of the shared store",
            |seen| seen.gauge(|status| milliseconds(status.lease_left)),
        ),
    ),
    in_unit(
        "milliseconds",
        row(
            "cache_bound",
            "The bound on staleness that the deployment has agreed on",
            |seen| seen.gauge(|status| milliseconds(status.bound)),
        ),
    ),
    row(
        "cache_store_answering",
        "1 while polls of the shared store are answered, else 0",
        |seen| seen.gauge(|status| u64::from(status.is_answering)),
    ),
    row(
        "cache_store_left_alone",
        "1 while the shared store is left alone after failures, else 0",
        |seen| seen.gauge(|status| u64::from(status.is_left_alone)),
    ),
    row(
        "cache_notices_hearing",
        "1 while notices of other processes are heard as they come, else 0",
        |seen| seen.gauge(|status| u64::from(status.is_hearing)),
    ),
    shared!(
        "cache_lease_lapses",
        "Times that what is kept could not be given for want of an answer",
        lapses
    ),
    shared!(
        "cache_polls_failed",
        "Polls of the shared store that were not answered",
        failed_polls
    ),
    broke("epoch", |seen| seen.counter(|stats| stats.breaks_epoch)),
    broke("identity", |seen| {
        seen.counter(|stats| stats.breaks_identity)
    }),
    broke("behind", |seen| seen.counter(|stats| stats.breaks_behind)),
    broke("log", |seen| seen.counter(|stats| stats.breaks_log)),
    shared!(
        "cache_l2_failures",
        "Calls to the shared store that failed or came too late",
        l2_failures
    ),
    shared!(
        "cache_l2_unreadable",
        "Records of the shared store that could not be read",
        l2_unreadable
    ),
    shared!(
        "cache_l2_unshared",
        "Values that could not be stored outside of the process",
        l2_unshared
    ),
];

/// The unit of all durations that are measured, as both formats have it by custom.
const SECONDS: &str = "seconds";

const fn row(
    name: &'static str,
    help: &'static str,
    read: for<'a> fn(&Seen<'a>) -> Option<Found<'a>>,
) -> Row {
    Row {
        name,
        help,
        unit: None,
        label: None,
        read,
    }
}

const fn in_unit(unit: &'static str, row: Row) -> Row {
    Row {
        unit: Some(unit),
        ..row
    }
}

const fn broke(reason: &'static str, read: for<'a> fn(&Seen<'a>) -> Option<Found<'a>>) -> Row {
    let help = "Times that what was missed could not be told, by reason";
    Row {
        label: Some(("reason", reason)),
        ..row("cache_breaks", help, read)
    }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Seen<'_> {
    /// A counter of a cache that shares a store.
    fn counter(&self, read: fn(&Stats) -> u64) -> Option<Found<'static>> {
        self.status?;
        Some(Found::Counter(read(&self.stats)))
    }

    /// A gauge of a cache that shares a store.
    fn gauge(&self, read: fn(&SharedStatus) -> u64) -> Option<Found<'static>> {
        Some(Found::Gauge(read(self.status.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{HybridCache, MemoryStore};

    /// The page that says of each number what is healthy.
    const PAGE: &str = include_str!("../../../../../docs/reference/metrics.md");

    #[test]
    fn each_number_stands_in_the_reference_under_its_name() {
        for row in TABLE {
            let unit = row.unit.map(|unit| format!("_{unit}")).unwrap_or_default();
            let is_told = [
                format!("`{}{unit}`", row.name),
                format!("`{}_total`", row.name),
                format!("`{}_total{{", row.name),
            ]
            .iter()
            .any(|name| PAGE.contains(name));
            assert!(is_told, "{} is not in docs/reference/metrics.md", row.name);
        }
    }

    #[test]
    fn each_number_of_the_reference_that_begins_with_cache_is_one() {
        let names: BTreeSet<String> = PAGE
            .split('`')
            .filter(|word| word.starts_with("cache_") && !word.contains(' '))
            .map(|word| {
                word.split('{')
                    .next()
                    .unwrap_or(word)
                    .trim_end_matches("_total")
                    .to_owned()
            })
            .collect();
        let known: BTreeSet<String> = TABLE
            .iter()
            .map(|row| match row.unit {
                Some(unit) => format!("{}_{unit}", row.name),
                None => row.name.to_owned(),
            })
            .collect();
        let unknown: Vec<_> = names.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn names_and_labels_are_of_one_row_each_and_those_of_a_name_stand_together() {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for row in TABLE {
            assert!(seen.insert((row.name, row.label)), "{} twice", row.name);
            if names.last() != Some(&row.name) {
                assert!(!names.contains(&row.name), "{} is not together", row.name);
                names.push(row.name);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_that_shares_a_store_has_all_numbers_and_another_those_of_its_own() {
        let alone = HybridCache::builder().build().unwrap();
        let store = MemoryStore::new();
        let sharing = HybridCache::builder()
            .default_key_prefix("shop")
            .l2(store.l2())
            .backplane(store.backplane())
            .build()
            .unwrap();
        assert_eq!(sharing.metrics().len(), TABLE.len());
        let names: Vec<_> = alone.metrics().iter().map(|metric| metric.name).collect();
        assert!(names.contains(&"cache_hits") && names.contains(&"cache_load_duration"));
        assert!(!names.contains(&"cache_lease_left") && !names.contains(&"cache_breaks"));
    }
}
