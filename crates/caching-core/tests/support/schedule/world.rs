//! A cache, its callers, and the seed that says who goes next.

use std::future::{Future, IntoFuture};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use caching_core::{
    Batch, CacheConfig, CacheError, EntryOptions, HybridCache, HybridCacheBuilder, KeyKind,
    TokioClock,
};
use fastrand::Rng;
use futures::FutureExt;
use tokio::task::yield_now;

use super::caller::{Caller, has_called};
use super::history::Place;
use super::source::{Ends, Inner, Source};
use super::tenant::OfTask;

/// A cache is dear to make: so many schedules use one, each with tenants of its own.
pub const SCHEDULES: u32 = 10;

const TENANTS: u32 = 2;
const KEYS: usize = 2;
const TURNS: usize = 60;

/// Short lives, so that early refreshes and soft limits take part. No hard limit: a factory that is ended
/// was ended by its callers.
const CONFIG: &str = "
    [defaults]
    duration = '10s'
    eager_refresh = 0.5
    throttle = '1s'
    factory_soft_limit = '2s'
    factory_hard_limit = 'off'
";

const NAMES: [&str; KEYS] = ["a", "b"];

/// The tag of each key, and the key whose readers know of it. Of the other, only its factories do.
const TAGS: [&str; KEYS] = ["told", "found"];
const TOLD: usize = 0;

/// So many rounds bring everybody to their end.
const ROUNDS: usize = 60;

const HOWS: [&str; 10] = [
    "remove",
    "expire",
    "remove tag",
    "expire tag",
    "remove kind",
    "batch",
    "clear",
    "expire all",
    "clear all scopes",
    "set",
];

/// What the schedules of a seed came to.
pub struct Run {
    pub reads: usize,
    /// Reads that joined another's flight.
    pub joins: usize,
    pub violations: Vec<String>,
    pub notes: Vec<String>,
}

struct World {
    cache: HybridCache,
    source: Source,
    callers: Vec<Caller>,
    random: Rng,
    next: usize,
    /// The tenants of this schedule.
    tenants: RangeInclusive<u32>,
}

/// Runs the schedules of a seed, and notes what happens if somebody wants to know.
pub fn run(
    seed: u64,
    is_noted: bool,
    change: impl FnOnce(HybridCacheBuilder) -> HybridCacheBuilder,
) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let config: CacheConfig = toml::from_str(CONFIG).unwrap();
        let builder = HybridCache::builder().config(config).key_scope(OfTask);
        let mut world = World {
            cache: change(builder.clock(TokioClock::new())).build().unwrap(),
            source: Source::default(),
            callers: Vec::new(),
            random: Rng::with_seed(seed),
            next: 0,
            tenants: 1..=TENANTS,
        };
        world.source.lock().history.notes = is_noted.then(Vec::new);
        for number in 0..SCHEDULES {
            world.tenants = TENANTS * number + 1..=TENANTS * (number + 1);
            world.schedule().await;
        }
        let history = &mut world.source.lock().history;
        Run {
            reads: history.reads,
            joins: history.joins,
            violations: std::mem::take(&mut history.violations),
            notes: history.notes.take().unwrap_or_default(),
        }
    })
}

impl World {
    /// Some turns; then nobody is held back any more, all come to their end, and every key can be read.
    async fn schedule(&mut self) {
        for _ in 0..TURNS {
            self.turn().await;
        }
        self.source.open();
        self.run_out().await;
        for tenant in self.tenants.clone() {
            (0..KEYS).for_each(|key| self.read_as((tenant, key), Ends::Gives, true));
        }
        self.run_out().await;
        self.source.close();
    }

    async fn turn(&mut self) {
        self.source.lock().history.turn += 1;
        match self.random.u32(0..100) {
            0..16 => self.read(),
            16..26 => self.write(),
            26..56 => self.poll_one(),
            56..62 => self.drop_one(),
            62..78 => self.open_a_gate(),
            78..97 => yield_now().await,
            _ => {
                let time = self.random.u64(1..6);
                self.note(|| format!("{time} s pass"));
                tokio::time::advance(Duration::from_secs(time)).await;
            }
        }
    }

    fn place(&mut self) -> Place {
        (self.tenant(), self.random.usize(0..KEYS))
    }

    fn tenant(&mut self) -> u32 {
        self.random.u32(self.tenants.clone())
    }

    fn call(
        &mut self,
        tenant: u32,
        reads: Option<Place>,
        polled: Arc<AtomicU64>,
        call: impl Future<Output = ()> + 'static,
    ) {
        self.next += 1;
        let caller = Caller::new(self.next, tenant, reads, polled, call);
        self.callers.push(caller);
        let number = self.next;
        self.note(|| format!("caller {number} calls, as {tenant}, to read {reads:?}"));
    }

    fn note(&self, what: impl FnOnce() -> String) {
        self.source.lock().history.note(what);
    }

    /// Somebody reads: the verb is called now, and polled when it is its turn.
    fn read(&mut self) {
        let place = self.place();
        let ends = match self.random.u32(0..12) {
            0 => Ends::Fails,
            1 => Ends::Panics,
            _ => Ends::Gives,
        };
        let is_strict = self.random.u32(0..4) == 0;
        self.read_as(place, ends, is_strict);
    }

    fn read_as(&mut self, place: Place, ends: Ends, is_strict: bool) {
        let polled = Arc::new(AtomicU64::new(0));
        let (source, cache) = (self.source.clone(), self.cache.clone());
        let told = (place.1 == TOLD).then_some(TAGS[TOLD]);
        let found = (place.1 != TOLD).then_some(TAGS[place.1]);
        let factory = source.factory(place, ends, found, Arc::clone(&polled));
        let options = EntryOptions::new().fail_safe(!is_strict);
        self.call(place.0, Some(place), polled, async move {
            let load = cache.get_or_set(NAMES[place.1], factory).options(options);
            let load = load.tags(|| told).detailed();
            has_called().await;
            let bars = source.lock().history.bars(place);
            let read = load.await;
            let history = &mut source.lock().history;
            match read {
                Ok(read) => history.gave(place, bars, (*read.value, read.outcome)),
                Err(CacheError::Factory { .. } | CacheError::FactoryPanicked { .. }) => {}
                Err(error) => history.broken(3, format!("{place:?}: {error}")),
            }
        });
    }

    /// Somebody commits, and then invalidates what has changed.
    fn write(&mut self) {
        let (tenant, key) = self.place();
        let how = HOWS[self.random.usize(0..HOWS.len())];
        let (source, cache) = (self.source.clone(), self.cache.clone());
        let places = self.covered(tenant, key, how);
        for place in &places {
            source.lock().history.commit(*place);
        }
        let call = async move {
            let (name, tag) = (NAMES[key], TAGS[key]);
            let ticket = cache.ticket(name);
            let (put, began) = {
                let history = &source.lock().history;
                (history.version((tenant, key)), history.turn)
            };
            let set = cache
                .set(name, (tenant, put, began))
                .tags([tag])
                .since(ticket);
            let invalidating = match how {
                "remove" => cache.remove(name).boxed(),
                "expire" => cache.expire(name).boxed(),
                "remove tag" => cache.remove_by_tag(tag).boxed(),
                "expire tag" => cache.expire_by_tag(tag).boxed(),
                "remove kind" => cache.remove_kind(KeyKind::PLAIN).boxed(),
                "batch" => cache
                    .invalidate(Batch::new().remove("other").remove(name))
                    .boxed(),
                "clear" => cache.clear().boxed(),
                "expire all" => cache.expire_all().boxed(),
                "clear all scopes" => cache.clear_all_scopes().boxed(),
                _ => set.into_future().boxed(),
            };
            has_called().await;
            assert!(invalidating.await.unwrap().is_applied());
            let history = &mut source.lock().history;
            for place in places {
                match how {
                    "set" => history.put(place, put, began),
                    _ => history.invalidated(place, !how.starts_with("expire")),
                }
            }
        };
        self.call(tenant, None, Arc::default(), call);
    }

    fn poll_one(&mut self) {
        let woken: Vec<usize> = (0..self.callers.len())
            .filter(|at| self.callers[*at].is_woken())
            .collect();
        if let Some(at) = self.random.choice(woken) {
            self.poll(at);
        }
    }

    fn poll(&mut self, at: usize) {
        let turn = self.source.lock().history.turn;
        let tenant = self.tenant();
        let number = self.callers[at].number;
        self.note(|| format!("caller {number} is polled"));
        if self.callers[at].poll(turn, tenant) {
            self.callers.swap_remove(at);
        }
    }

    /// Somebody leaves; those who wait with them are owed what they wait for.
    fn drop_one(&mut self) {
        if self.callers.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.callers.len());
        let gone = self.callers.swap_remove(at);
        self.note(|| format!("caller {} leaves", gone.number));
        {
            let Inner {
                history, running, ..
            } = &mut *self.source.lock();
            for one in running.iter_mut().filter(|one| !one.is_over) {
                let is_aboard = |caller: &Caller| {
                    let arrived = caller.arrived.filter(|_| caller.reads == Some(one.place));
                    arrived.is_some_and(|turn| {
                        turn >= one.began
                            && !history.is_invalidated_between(one.place, one.began, turn)
                    })
                };
                if is_aboard(&gone) {
                    let others = self.callers.iter().filter(|caller| is_aboard(caller));
                    one.owed_to = others.map(|caller| caller.number).collect();
                    one.is_over = one.owed_to.is_empty();
                }
            }
        }
        drop(gone);
    }

    fn open_a_gate(&mut self) {
        let Inner {
            history, running, ..
        } = &mut *self.source.lock();
        if !running.is_empty() {
            let at = self.random.usize(0..running.len());
            running[at].gate.let_through(1);
            let place = running[at].place;
            history.note(|| format!("a factory of {place:?} goes on"));
        }
    }

    async fn run_out(&mut self) {
        for _ in 0..ROUNDS {
            self.source.lock().history.turn += 1;
            for at in (0..self.callers.len()).rev() {
                if self.callers[at].is_woken() {
                    self.poll(at);
                }
            }
            if self.callers.is_empty() {
                return;
            }
            yield_now().await;
        }
        for caller in self.callers.drain(..) {
            let (number, reads) = (caller.number, caller.reads);
            let history = &mut self.source.lock().history;
            history.broken(3, format!("caller {number} waits for ever for {reads:?}"));
        }
    }

    /// The places of what somebody invalidates.
    fn covered(&self, tenant: u32, key: usize, how: &str) -> Vec<Place> {
        let tenants = match how {
            "clear all scopes" => self.tenants.clone(),
            _ => tenant..=tenant,
        };
        let keys = match how {
            "remove kind" | "clear" | "expire all" | "clear all scopes" => 0..KEYS,
            _ => key..key + 1,
        };
        let of = |tenant| keys.clone().map(move |key| (tenant, key));
        tenants.flat_map(of).collect()
    }
}
