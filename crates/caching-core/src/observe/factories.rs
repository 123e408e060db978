//! How long factories take.

use std::time::Duration;

use crate::observe::durations::DurationMeter;

/// The upper ends of the buckets.
const ENDS: [Duration; 12] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
];

/// Measures how long factories take, whatever came of them.
pub(crate) type FactoryMeter = DurationMeter<{ ENDS.len() }>;

pub(crate) const fn factory_meter() -> FactoryMeter {
    DurationMeter::new(&ENDS)
}
