//! The `Cache-Status` header (RFC 9211): how an answer came to be.

use axum::{
    http::{HeaderName, HeaderValue},
    response::{IntoResponseParts, ResponseParts},
};
use caching_core::{Level, Outcome};

/// How an answer came to be: one read of the cache, or several of which the slowest counts.
///
/// | read | header |
/// | --- | --- |
/// | kept in this process, in the shared store | `invoice-api; hit; detail=l1`, `…; hit; detail=l2` |
/// | kept, past its duration, and given because the database failed or was slow | `…; hit; detail=stale` |
/// | loaded | `…; fwd=miss; stored` |
/// | loaded in place of a stale value | `…; fwd=stale; stored` |
/// | loaded by another request at the same time | `…; fwd=miss; collapsed` |
/// | loaded, and not kept because a write came in between | `…; fwd=miss` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatus(&'static str);

impl CacheStatus {
    /// The status of an answer that took one read.
    pub fn of(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::Hit { stale: true, .. } => "invoice-api; hit; detail=stale",
            Outcome::Hit {
                level: Level::L1, ..
            } => "invoice-api; hit; detail=l1",
            Outcome::Hit { .. } => "invoice-api; hit; detail=l2",
            Outcome::Miss {
                collapsed: true,
                was_stale: false,
                ..
            } => "invoice-api; fwd=miss; collapsed",
            Outcome::Miss {
                collapsed: true, ..
            } => "invoice-api; fwd=stale; collapsed",
            Outcome::Miss {
                was_stale: false,
                stored: true,
                ..
            } => "invoice-api; fwd=miss; stored",
            Outcome::Miss { stored: true, .. } => "invoice-api; fwd=stale; stored",
            Outcome::Miss {
                was_stale: false, ..
            } => "invoice-api; fwd=miss",
            _ => "invoice-api; fwd=stale",
        })
    }

    /// The status of an answer that took several reads: that of the one which cost the most, the first of
    /// equals.
    pub fn of_all(outcomes: impl IntoIterator<Item = Outcome>) -> Option<Self> {
        outcomes
            .into_iter()
            .reduce(|most, next| if cost(next) > cost(most) { next } else { most })
            .map(Self::of)
    }
}

fn cost(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Hit {
            level: Level::L1,
            stale: false,
        } => 0,
        Outcome::Hit { stale: false, .. } => 1,
        Outcome::Hit { .. } => 2,
        Outcome::Miss {
            collapsed: true, ..
        } => 3,
        _ => 4,
    }
}

impl IntoResponseParts for CacheStatus {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
        parts
            .headers_mut()
            .insert(CACHE_STATUS, HeaderValue::from_static(self.0));
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use caching_core::{Level, Outcome};

    use super::CacheStatus;

    const L1: Outcome = Outcome::Hit {
        level: Level::L1,
        stale: false,
    };

    fn miss(was_stale: bool, stored: bool, collapsed: bool) -> Outcome {
        Outcome::Miss {
            was_stale,
            stored,
            collapsed,
        }
    }

    #[test]
    fn a_read_is_described_in_the_words_of_the_rfc() {
        let l2 = Outcome::Hit {
            level: Level::L2,
            stale: false,
        };
        let stale = Outcome::Hit {
            level: Level::L1,
            stale: true,
        };
        for (outcome, header) in [
            (L1, "invoice-api; hit; detail=l1"),
            (l2, "invoice-api; hit; detail=l2"),
            (stale, "invoice-api; hit; detail=stale"),
            (miss(false, true, false), "invoice-api; fwd=miss; stored"),
            (miss(false, true, true), "invoice-api; fwd=miss; collapsed"),
            (miss(false, false, false), "invoice-api; fwd=miss"),
            (miss(true, true, false), "invoice-api; fwd=stale; stored"),
            (miss(true, true, true), "invoice-api; fwd=stale; collapsed"),
            (miss(true, false, false), "invoice-api; fwd=stale"),
        ] {
            assert_eq!(CacheStatus::of(outcome).0, header);
        }
    }

    #[test]
    fn of_several_reads_the_slowest_counts() {
        let stored = miss(false, true, false);
        assert_eq!(
            CacheStatus::of_all([L1, stored, L1]),
            Some(CacheStatus::of(stored))
        );
        assert_eq!(CacheStatus::of_all([L1, L1]), Some(CacheStatus::of(L1)));
        assert_eq!(CacheStatus::of_all([]), None);
    }
}
