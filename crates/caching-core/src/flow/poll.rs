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
pub(crate) async fn poll(engine: Arc<Engine>) -> PollEnd {
    let known = engine.fences.ask();
    // Before sending: what the answer says holds from then on at the earliest.
    let sent_at = engine.clock.now();
    let Some(shared) = &engine.shared else {
        return std::future::pending().await;
    };
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
    pub(crate) async fn take_in(&self, shared: &Shared, (known, sent_at, answer): PollEnd) -> bool {
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
                self.replay(known, changes).await;
                Told::Replay {
                    last: changes.last().map_or(known.seq, |(at, _)| at.seq),
                    more: *more,
                }
            }
            PollAnswer::Break { at, .. } => {
                // Before it counts: what is loaded after it finds this.
                self.news.doubt(self.clock.now());
                Told::Break { at: *at }
            }
        };
        let bound = match &answer {
            PollAnswer::Break { bound, .. } => *bound,
            _ => shared.bound(),
        };
        let polled = self.fences.told(known, sent_at, bound, told);
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
            if bound != shared.bound() {
                tracing::warn!(
                    ours = ?shared.bound(),
                    adopted = ?bound,
                    "the deployment has another bound on staleness than `cache.coherence.bound` here"
                );
            }
            shared.adopt(bound);
            self.break_with_the_past(at, tag_clock, reason);
        }
        let again = matches!(polled, Polled::Outdated | Polled::PollAgain);
        if !again {
            // After everything was applied.
            self.fences.renew();
        }
        shared.pulse.ended(true);
        again
    }

    /// Applies what was missed, in order, before any of it counts as applied: whoever finds that it
    /// counts finds its effects, and a page that is dropped half-way is told again.
    ///
    /// Others have their turn in between. What they give is covered by the lease that they have, which
    /// is renewed after all of it; what they load meanwhile counts as begun before it.
    async fn replay(&self, known: Asof, changes: &[(Asof, Change)]) {
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
            }
            in_one_go += 1;
            self.counters.replays.add();
            self.apply(*at, change);
        }
    }

    /// Trusts nothing of before: what is kept is a fallback at most, and what is being loaded is not
    /// stored.
    fn break_with_the_past(&self, at: Asof, tag_clock: u64, reason: BreakReason) {
        self.purges
            .begin_again(at.epoch, tag_clock, self.rules.keep(Rule::Floor));
        self.flights.detach_all();
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
