//! Putting a value under a key: an invalidation that also stores.

use std::sync::Arc;

use crate::cache::Invalidated;
use crate::coherence::{Applied, Asof, Change, Mode, Rule};
use crate::entry::{Content, Entry};
use crate::flow::Engine;
use crate::flow::invalidate::{Invalidation, tell};
use crate::flow::offer::Subject;
use crate::flow::runtime::usable_runtime;
use crate::flow::shared::{Origin, Shared};
use crate::flow::untold::Untold;
use crate::key::StoredKey;
use crate::level::{Address, L2ErrorKind, PutAnswer};
use crate::observe::CacheEvent;
use crate::options::Profile;
use crate::tag::Tag;
use crate::value::ValueType;

/// A value that is put under a key.
pub(crate) struct Put {
    pub(crate) key: StoredKey,
    pub(crate) profile: Arc<Profile>,
    pub(crate) content: Content,
    pub(crate) value_type: ValueType,
    pub(crate) tags: Option<Arc<[Tag]>>,
    /// It is as old as this, and stored only if its key was not invalidated since.
    pub(crate) since: Option<Origin>,
}

/// How often a value without a ticket is put again where another writer came in between.
const ATTEMPTS: usize = 4;

impl Engine {
    /// Puts a value under a key, in place of whatever was there or is being loaded.
    pub(crate) async fn put(self: &Arc<Self>, put: Put) -> Invalidated {
        let key = put.key.as_ref();
        self.events.tell(&key, |key| CacheEvent::Set { key });
        if self.shared.is_none() {
            return Invalidated::applied(self.put_alone(put));
        }
        let what = Invalidation {
            keys: vec![(put.key.clone(), Mode::Remove)],
            groups: Vec::new(),
        };
        self.drop_here(&what);
        // Queued, unless the store is told.
        let untold = self.untold(&what);
        let Some(runtime) = usable_runtime() else {
            return Invalidated::Queued;
        };
        self.start_driver(&runtime);
        // A task of its own, owned by `tasks`: a caller that leaves does not take it along.
        let engine = Arc::clone(self);
        let putting = self.tasks.spawn_on(
            async move { engine.put_shared(put, untold).await },
            &runtime,
        );
        putting.await.unwrap_or(Invalidated::Queued)
    }

    fn put_alone(&self, put: Put) -> Asof {
        let at = self.fences.advance();
        let mut locked = self.lock(&put.key);
        let admits = |since: Origin| locked.stripe.admits(since.asof);
        let is_newest = put.since.is_none_or(admits);
        locked.stripe.bump(at, self.clock.now());
        let origin = put.since.unwrap_or_else(|| self.origin());
        if is_newest {
            let entry = self.put_entry(&put, at, origin.tag_clock);
            let now = self.clock.now();
            let entry = entry
                .treated(&put.profile, now, None)
                .within(&put.profile, now);
            self.keep(&locked.stripe, &put.key, entry);
        } else {
            self.l1.remove(&locked.stripe, &put.key);
        }
        drop(locked);
        self.flights.detach(&put.key);
        at
    }

    async fn put_shared(self: Arc<Self>, put: Put, untold: Vec<Untold>) -> Invalidated {
        let Some(shared) = &self.shared else {
            return Invalidated::Queued;
        };
        let origin = put.since.unwrap_or_else(|| self.origin());
        let answer = self.put_there(shared, &put, origin).await;
        let (at, is_newest) = match answer {
            Some(PutAnswer::Stored(applied) | PutAnswer::Invalidated(applied)) => {
                let at = self.told_of_put(shared, &put, applied);
                untold.into_iter().for_each(Untold::told);
                (at, matches!(answer, Some(PutAnswer::Stored(_))))
            }
            // It stays in this process, or the store has no room: the invalidation still counts.
            None => match tell(untold).await {
                // Nobody has compared the ticket.
                Some(at) => (at, put.since.is_none()),
                None => return Invalidated::Queued,
            },
        };
        if is_newest {
            let entry = self.put_entry(&put, at, origin.tag_clock);
            let now = self.clock.now();
            let entry = entry
                .treated(&put.profile, now, None)
                .within(&put.profile, now);
            let locked = self.lock(&put.key);
            if locked.stripe.admits(at) {
                self.keep(&locked.stripe, &put.key, entry);
            }
        }
        Invalidated::applied(at)
    }

    fn told_of_put(&self, shared: &Shared, put: &Put, applied: Applied) -> Asof {
        let change = Change::Keys {
            keys: vec![self.name_of(&put.key)],
            mode: Mode::Remove,
        };
        self.told(shared, &change, applied);
        applied.at
    }

    /// Puts a value into the shared store; `None` where it is not for there.
    async fn put_there(&self, shared: &Shared, put: &Put, origin: Origin) -> Option<PutAnswer> {
        let name = self.name_of(&put.key);
        let entry = self.put_entry(put, origin.asof, origin.tag_clock);
        let subject = Subject {
            key: &put.key,
            name: &name,
            profile: &put.profile,
            value_type: put.value_type,
            validators: None,
        };
        if !put.profile.l2_write {
            return None;
        }
        let record = self.record(
            shared,
            &subject,
            &put.content,
            entry.lifetime,
            put.tags.as_ref(),
            origin.shared_clock?,
        )?;
        let field = self.field(shared, &put.key, put.value_type, &put.profile);
        let address = Address::new(shared.partition, &name, &field);
        // Never unguarded: a put that is held up on its way must not arrive as the newest. Without a
        // ticket, the number of the last attempt is one.
        let mut since = Some(origin.asof).filter(|_| self.rules.keep(Rule::Ticket));
        let mut attempts = 1;
        loop {
            match shared.l2.put(address, &record, since).await {
                Ok(PutAnswer::Invalidated(applied))
                    if put.since.is_none() && attempts < ATTEMPTS =>
                {
                    since = Some(applied.at);
                    attempts += 1;
                }
                Ok(answer) => return Some(answer),
                Err(error) => {
                    self.counters.l2_failures.add();
                    if error.kind != L2ErrorKind::Full {
                        tracing::debug!(%error, "a value could not be put into the shared store");
                    }
                    return None;
                }
            }
        }
    }

    fn put_entry(&self, put: &Put, asof: Asof, tag_clock: u64) -> Entry {
        self.entry(
            &put.profile,
            put.content.clone(),
            put.value_type,
            asof,
            put.tags.clone(),
            tag_clock,
        )
    }
}
