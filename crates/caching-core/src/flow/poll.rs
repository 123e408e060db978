//! Asking the shared store what was missed, and taking in its answer.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Asof, Change, Polled, Rule, Told};
use crate::flow::Engine;
use crate::flow::shared::Shared;
use crate::level::{BreakReason, L2Error, PollAnswer};

/// The shortest time that a poll may take.
const SHORTEST_LIMIT: Duration = Duration::from_millis(50);

/// How many replayed invalidations are applied before other tasks of the thread have their turn.
const IN_ONE_GO: usize = 64;

/// A poll that was sent: what was known then, when, and what came back.
pub(crate) type PollEnd = (Asof, Tick, Result<PollAnswer, L2Error>);

/// Polls.
pub(crate) async fn poll(engine: Arc<Engine>, number: u64) -> PollEnd {
    let Some(shared) = &engine.shared else {
        return std::future::pending().await;
    };
    let Some(known) = shared.driver.turn(number).map(|_turn| engine.fences.ask()) else {
        return std::future::pending().await;
    };
    // Before sending: what the answer says holds from then on at the earliest.
    let sent_at = engine.clock.now();
    // An answer that takes longer than the bound is worth nothing.
    let limit = shared.bound().max(SHORTEST_LIMIT);
    let answer = shared.l2.poll(shared.partition, known, limit).await;
    (known, sent_at, answer)
}

impl Engine {
    /// Takes in the answer to a poll; true if the next one should be sent at once.
    ///
    /// It may be dropped half-way: what was applied by then does not count as applied yet, and is
    /// told again.
    pub(crate) async fn take_in(
        &self,
        shared: &Shared,
        number: u64,
        (known, sent_at, answer): PollEnd,
    ) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if shared.pulse.is_answered() {
                    tracing::warn!(l2 = shared.l2.name(), %error, "a poll was not answered");
                }
                self.counters.failed_polls.add();
                shared.pulse.ended(false);
                return false;
            }
        };
        let told = match &answer {
            PollAnswer::UpToDate => Told::UpToDate,
            PollAnswer::Replay { changes, more } => {
                self.replay(shared, known, changes).await;
                Told::Replay {
                    last: changes.last().map_or(known.seq, |(at, _)| at.seq),
                    more: *more,
                }
            }
            PollAnswer::Break { at, .. } => Told::Break { at: *at },
        };
        let Some(turn) = shared.driver.turn(number) else {
            return false;
        };
        if let Told::Break { .. } = told {
            // Before it counts: what is loaded after it finds this.
            self.news.doubt(self.clock.now());
        }
        let bound = match &answer {
            PollAnswer::Break { bound, .. } => *bound,
            _ => shared.bound(),
        };
        let polled = self.fences.told(known, sent_at, bound, told);
        let mut began = None;
        if let (
            Polled::Break,
            PollAnswer::Break {
                at,
                tag_clock,
                reason,
                bound,
            },
        ) = (polled, answer)
        {
            began = Some((reason, shared.bound(), bound));
            shared.adopt(bound);
            self.break_with_the_past(at, tag_clock);
        }
        let again = matches!(polled, Polled::Outdated | Polled::PollAgain);
        if !again {
            // After everything was applied.
            self.fences.renew();
        }
        drop(turn);
        shared.pulse.ended(true);
        if let Some((reason, ours, adopted)) = began {
            self.tell_break(reason, ours, adopted);
        }
        again
    }

    /// Applies what was missed, in order, before any of it counts as applied: whoever finds that it
    /// counts finds its effects, and a page that is dropped half-way is told again.
    ///
    /// Others have their turn in between. What they give is covered by the lease that they have, which
    /// is renewed after all of it; what they load meanwhile counts as begun before it.
    async fn replay(&self, shared: &Shared, known: Asof, changes: &[(Asof, Change)]) {
        let mut in_one_go = 0;
        for (at, change) in changes {
            let applied = self.fences.asof();
            // Of another epoch: the answer is outdated. Own ones may have been answered meanwhile.
            if applied.epoch != known.epoch || at.seq <= applied.seq {
                continue;
            }
            if in_one_go == IN_ONE_GO {
                in_one_go = 0;
                tokio::task::yield_now().await;
                // At work, however long the others take: who takes its place begins anew.
                shared.driver.was_seen(self.clock.now());
            }
            in_one_go += 1;
            self.counters.replays.add();
            self.apply(*at, change);
        }
    }

    /// Trusts nothing of before: what is kept is a fallback at most, and what is being loaded is not
    /// stored.
    fn break_with_the_past(&self, at: Asof, tag_clock: u64) {
        self.purges
            .begin_again(at.epoch, tag_clock, self.rules.keep(Rule::Floor));
        self.flights.detach_all();
    }

    /// Counts a break, and logs it once it has taken effect: a line may take its time.
    fn tell_break(&self, reason: BreakReason, ours: Duration, adopted: Duration) {
        if adopted != ours {
            tracing::warn!(
                ?ours,
                ?adopted,
                "the deployment has another bound on staleness than `cache.coherence.bound` here"
            );
        }
        match reason {
            BreakReason::Start => tracing::debug!("what is shared is known from now on"),
            _ => {
                self.counters.breaks.add();
                tracing::warn!(
                    reason = reason.as_str(),
                    "what was missed cannot be told; entries of before are not given any more"
                );
            }
        }
        self.counters.broke(reason);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::cache::Plaintext;
    use crate::coherence::Mode;
    use crate::flow::Invalidation;
    use crate::recovery::EVERYTHING;
    use crate::{CacheConfig, HybridCache, MemoryStore, TokioClock};

    /// A cache that has not polled.
    fn cache(store: &MemoryStore) -> HybridCache {
        let config: CacheConfig = toml::from_str("key_prefix = 'test'").unwrap();
        let builder = HybridCache::builder().config(config).l2(store.l2());
        let builder = builder.clock(TokioClock::new());
        builder.plaintext(Plaintext::Allowed).build().unwrap()
    }

    async fn load(cache: &HybridCache) {
        let load = cache.get_or_set("key", |_| async { Ok::<u64, io::Error>(1) });
        assert_eq!(*load.await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_own_purge_that_is_answered_while_its_epoch_begins_here_is_not_lost() {
        let store = MemoryStore::with_clock(TokioClock::new());
        load(&cache(&store)).await;
        let cache = cache(&store);
        let engine = &cache.engine;
        let shared = engine.shared.as_ref().unwrap();
        // The store answers its poll first, then its purge.
        let (known, sent_at, answer) = poll(Arc::clone(engine), 0).await;
        let PollAnswer::Break {
            at,
            tag_clock,
            bound,
            ..
        } = answer.unwrap()
        else {
            panic!("it knows nothing yet");
        };
        let (group, mode) = (EVERYTHING.to_owned(), Mode::Remove);
        engine.drop_here(&Invalidation {
            groups: vec![(group.clone(), mode)],
            ..Invalidation::default()
        });
        let change = Change::Group {
            group,
            clock: 0,
            mode,
        };
        let purged = shared.l2.invalidate(shared.partition, &change).await;
        // As `take_in` does; the purge is answered half-way.
        engine
            .fences
            .told(known, sent_at, bound, Told::Break { at });
        engine.told(shared, &change, purged.unwrap());
        engine.break_with_the_past(at, tag_clock);
        engine.fences.renew();
        assert_eq!(store.records().len(), 1, "for others to find");
        assert_eq!(cache.get::<_, u64>("key").await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_driver_was_told_that_was_replaced_counts_for_nothing() {
        let store = MemoryStore::with_clock(TokioClock::new());
        let cache = cache(&store);
        let engine = &cache.engine;
        let shared = engine.shared.as_ref().unwrap();
        let answered = poll(Arc::clone(engine), 0).await;
        // The first one that runs, in the place of the one that is played here.
        load(&cache).await;
        engine.fences.doubt();
        let before = engine.fences.asof();
        assert!(!engine.take_in(shared, 0, answered).await);
        assert_eq!(engine.fences.asof(), before);
        let late = futures_util::FutureExt::now_or_never(poll(Arc::clone(engine), 0));
        assert!(late.is_none(), "nor does it ask");
    }
}
