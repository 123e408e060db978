//! Who may wait for a flight, and whether what it brings is an answer to them.

use tokio::runtime::Handle;

use crate::coherence::{Permit, Validity};
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::flight::{Flight, Landing};
use crate::flow::look::Found;
use crate::flow::request::{Answer, Request, Terms};
use crate::flow::wait::Arrival;
use crate::key::StoredKey;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::tag::{Tag, Tags};

impl Engine {
    /// Notes when and where a caller came, whom L1 could not answer.
    pub(super) fn arrive(&self, key: &StoredKey, runtime: Handle) -> Arrival {
        self.l1.missed(key);
        Arrival {
            at: self.clock.now(),
            tag_clock: self.purges.clock(),
            runtime,
        }
    }

    /// Whether a caller that comes now may wait for this flight: it must not, if something that it
    /// belongs to was invalidated since it began.
    pub(super) fn may_join(&self, flight: &Flight, profile: &Profile, tags: &Tags) -> bool {
        let now = self.clock.now();
        let permit = Permit::to_join(self.rules, now, self.fences.lease.holds(now));
        if !permit.covers(self.own_until(flight)) {
            return false;
        }
        // It takes the lock of a stripe under that of the flights; nobody takes them the other way.
        //
        // Alone, nothing may be given that a lagging source said a moment ago, and a flight for each
        // caller would storm it: they wait for the one in the air, and share the next.
        if self.shared.is_some()
            && let Some(until) = self.lagging_until(flight, profile.source_lag, tags.as_slice())
            && until <= now
        {
            return false;
        }
        if flight.tag_clock() == self.purges.clock() {
            return true;
        }
        let key = flight.key.as_ref();
        let is_valid = |tags: &[Tag]| {
            self.purges
                .look(&*self.scope, &key, tags, flight.tag_clock())
                == Validity::Valid
        };
        // Its tags are those of the request and, as far as one can tell, those of its last value.
        is_valid(tags.as_slice())
            && self
                .l1
                .read(&key, |kept| is_valid(kept.tags.as_deref().unwrap_or(&[])))
                .unwrap_or(true)
    }

    /// The answer that the end of a flight is to one who joined it. `None`: it is none to this caller.
    pub(super) fn judge_landing(
        &self,
        landing: Landing,
        flight: &Flight,
        terms: &Terms<'_>,
        arrived: &Arrival,
    ) -> Option<Result<Answer, CacheError>> {
        let answer = match landing {
            Landing::LookAgain => return None,
            // It was dropped with its runtime, which need not be this caller's.
            Landing::Answered(Err(CacheError::FactoryAborted { .. }))
                if self.check_running().is_ok() =>
            {
                return None;
            }
            Landing::Answered(Err(error)) => {
                return Some(
                    self.stale(&flight.key, terms)
                        .or_else(|| terms.default())
                        .ok_or(error),
                );
            }
            Landing::Answered(Ok(answer)) => answer,
        };
        if answer.is_private
            || !terms.takes(&answer)
            || self.is_outdated(&answer, &flight.key, arrived.tag_clock)
            || self.is_lagging(flight, &answer, terms.profile, arrived.at)
        {
            return None;
        }
        self.counters.joins.add();
        Some(Ok(Answer {
            outcome: answer.outcome.collapsed(),
            ..answer
        }))
    }

    /// Whether a flight began before its passenger came, and something that hides its value from
    /// those who come later was purged since: a tag, say, that nobody could know then.
    fn is_outdated(&self, answer: &Answer, key: &StoredKey, arrived: u64) -> bool {
        if answer.tag_clock >= arrived {
            return false;
        }
        let tags = answer.tags.as_deref().unwrap_or(&[]);
        let validity = self
            .purges
            .look(&*self.scope, &key.as_ref(), tags, answer.tag_clock);
        match validity {
            Validity::Valid => false,
            // A stale answer says that it is one.
            Validity::Expired => !answer.outcome.is_stale(),
            Validity::Removed => true,
        }
    }

    /// What L1 has for a request by now. A fresh answer counts as a hit.
    pub(crate) fn look_again(&self, request: &Request) -> Option<Answer> {
        if !request.profile.l1_read {
            return None;
        }
        let found = self.look_as(&request.key.as_ref(), false, || request.profile.serve_stale);
        let (kept, outcome) = match found {
            Found::Fresh(kept) | Found::Eager(kept) => (kept, Outcome::hit(Level::L1)),
            Found::Stale {
                kept,
                throttled: true,
            } => (kept, Outcome::stale(Level::L1)),
            Found::Stale { .. } | Found::Nothing => return None,
        };
        let answer = Answer {
            outcome,
            ..Answer::of_now(kept.content, kept.type_name)
        };
        let answer = Some(answer).filter(|answer| request.terms().takes(answer))?;
        if !answer.outcome.is_stale() {
            self.counters.hit();
            self.tell_hit(&request.key.as_ref(), Level::L1, false);
        }
        Some(answer)
    }

    /// Counts an answer that a load came to and that is stale; one that is fresh has been counted before.
    pub(crate) fn count_if_stale(&self, key: &StoredKey, answer: &Answer) {
        if let Outcome::Hit { level, stale: true } = answer.outcome {
            self.counters.stale_hits.add();
            self.tell_hit(&key.as_ref(), level, true);
        }
    }
}
