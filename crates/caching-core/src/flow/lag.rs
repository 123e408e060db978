//! Sources that lag behind their writes: until when what they say may be given.

use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::Unseen;
use crate::flow::Engine;
use crate::flow::engine::Locked;
use crate::flow::flight::Flight;
use crate::flow::request::Answer;
use crate::options::Profile;
use crate::tag::Tag;

impl Engine {
    /// Notes the purge of a group, before it takes effect.
    pub(crate) fn note_purge(&self, group: &str) {
        let now = self.clock.now();
        self.news.note(group, now, self.fences.is_late(now));
    }

    /// Until when what a flight brings may be given, by this process alone, where its source may not
    /// have known of all that was invalidated before it was asked. `None`: it knew.
    ///
    /// With R the lag and T the bound, a value that was asked for at `b` is as of `b - R` at the
    /// worst, so that only what was invalidated after that can be newer. Where that is one
    /// invalidation, its end is R after that was heard of, which was T after it at the latest. Where
    /// there are several, the first of them counts, of which only `b - R` is known: the end is
    /// `b + T`. Either way nobody gives it later than T + R after an invalidation that it is older
    /// than. It stays in this process, since nobody here decides how long a message to the store
    /// takes, and so from when on a life there counts.
    pub(crate) fn lagging_until(
        &self,
        flight: &Flight,
        lag: Duration,
        tags: &[Tag],
    ) -> Option<Tick> {
        if lag.is_zero() {
            return None;
        }
        let locked = self.lock(&flight.key);
        self.lagging_under(&locked, flight, lag, tags)
    }

    /// The same for who has the lock of the key's stripe: until it is given up, nothing of the stripe
    /// comes to count as applied that was not looked at.
    pub(crate) fn lagging_under(
        &self,
        locked: &Locked<'_>,
        flight: &Flight,
        lag: Duration,
        tags: &[Tag],
    ) -> Option<Tick> {
        if lag.is_zero() {
            return None;
        }
        let (key, begun) = (flight.key.as_ref(), flight.begun());
        // First: all that counts as applied has been noted. Of what the store has told beyond that,
        // nothing is known yet.
        if !self.fences.asof().is_after(flight.asof()) {
            return Some(self.own_until(flight));
        }
        let groups = self.purges.names(&*self.scope, &key, tags);
        match locked
            .stripe
            .recent()
            .unseen(begun, lag)
            .and(self.news.unseen(&groups, begun, lag))
        {
            Unseen::Nothing => None,
            Unseen::One(heard) => Some(heard.after(lag)),
            Unseen::Several => Some(self.own_until(flight)),
        }
    }

    /// Whether an answer is from a source that may have lagged, and is too old for a passenger who came
    /// at this time: by the tags that it has, and by what its factory said of the source, which nobody
    /// could know then. Where the passenger says that it lags by more, that counts.
    pub(super) fn is_lagging(
        &self,
        flight: &Flight,
        answer: &Answer,
        profile: &Profile,
        came: Tick,
    ) -> bool {
        let tags = answer.tags.as_deref().unwrap_or(&[]);
        let lag = answer.source_lag.max(profile.source_lag);
        !answer.outcome.is_stale()
            && self
                .lagging_until(flight, lag, tags)
                // Not at the same time: a flight that began when they came is as good as one of their own.
                .is_some_and(|until| until < came)
    }
}
