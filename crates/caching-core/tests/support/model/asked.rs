//! The cache, asked the same as its model.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use caching_core::{
    Batch, CacheConfig, CacheError, Cached, FactoryContext, HybridCache, Invalidated, KeyKind,
    ManyContext, Scope, ScopeId, Ticket, TokioClock,
};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, sleep_until};

use super::super::broken;
use super::item::{Item, Place, Tenants, place};
use super::spec::{CONFIG, HARD_LIMIT};
use super::step::{Answer, Ask, Came, Change, Ends, Factory, Mode, Step, Verb, What};

/// The cache, and what its factories saw.
pub struct Asked {
    cache: HybridCache,
    ticket: Option<(Place, Ticket)>,
    seen: Seen,
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Factories>>);

#[derive(Default)]
struct Factories {
    came: Came,
    running: usize,
    ends_at: Option<Instant>,
}

/// A factory that runs.
struct Running(Seen);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Factories> {
        self.0.lock().unwrap()
    }

    fn began(&self, factory: &Factory) -> Running {
        let mut seen = self.lock();
        seen.came.runs += 1;
        seen.running += 1;
        seen.ends_at = Some(Instant::now() + factory.takes.min(HARD_LIMIT));
        Running(self.clone())
    }

    fn was_offered(&self, item: Item, cx: &FactoryContext) {
        let stale = cx.stale::<u32>().map(|value| *value);
        self.lock().came.offered.insert(item, stale);
    }
}

impl Asked {
    pub fn new() -> Self {
        let config: CacheConfig = toml::from_str(CONFIG).unwrap();
        let builder = HybridCache::builder().config(config).key_scope(Tenants);
        Self {
            cache: builder.clock(TokioClock::new()).build().unwrap(),
            ticket: None,
            seen: Seen::default(),
        }
    }

    /// Takes a step, to the end of all that it began. `None`: its caller left unanswered.
    pub async fn after(&mut self, step: &Step) -> Option<Came> {
        *self.seen.lock() = Factories::default();
        let begun = Instant::now();
        let answers = match step.leaves_after {
            None => Some(self.ask(step).await),
            Some(polls) => polled(self.ask(step), polls).await,
        };
        let after = match step.verb {
            Verb::Pass(_) => Duration::ZERO,
            _ => begun.elapsed(),
        };
        if let Verb::Load(..) | Verb::LoadMany(..) = step.verb {
            self.end_of_factories().await;
        }
        let seen = std::mem::take(&mut self.seen.lock().came);
        let answers = answers?;
        Some(Came {
            answers,
            after,
            ..seen
        })
    }

    /// Waits for what went on behind the caller.
    async fn end_of_factories(&self) {
        settle().await;
        let ends_at = {
            let seen = self.seen.lock();
            seen.ends_at.filter(|_| seen.running > 0)
        };
        if let Some(ends_at) = ends_at {
            sleep_until(ends_at).await;
            settle().await;
        }
    }

    async fn ask(&mut self, step: &Step) -> Vec<Answer> {
        let scope = Scope::Of(ScopeId::new(step.tenant));
        let cache = self.cache.in_scope(scope);
        match &step.verb {
            Verb::Peek(item) => {
                let peeked = cache.peek(item).unwrap();
                vec![Answer::Peeked(peeked.map(|value| *value))]
            }
            Verb::Get(item, allows_stale) => {
                let get = cache.get(item);
                let found = match allows_stale {
                    true => get.allow_stale().detailed().await,
                    false => get.detailed().await,
                };
                vec![answer(found)]
            }
            Verb::GetMany(items, allows_stale) => {
                let get = cache.get_many(items);
                let found = match allows_stale {
                    true => get.allow_stale().detailed().await,
                    false => get.detailed().await,
                };
                let found = found.unwrap().into_iter();
                found.map(|found| answer(Ok(found))).collect()
            }
            Verb::Load(item, ask) => vec![self.load(&cache, *item, ask).await],
            Verb::LoadMany(items, ask) => self.load_many(&cache, items, ask).await,
            Verb::Ticket(item) => {
                self.ticket = Some((place(step.tenant, *item), cache.ticket(item)));
                Vec::new()
            }
            Verb::Set(item, put) => {
                let set = cache.set(item, put.value).options(put.wish.options());
                let set = set.tags(put.tags.iter().copied());
                let place = place(step.tenant, *item);
                let ticket = self.ticket.filter(|(of, _)| put.since && *of == place);
                vec![applied(match ticket {
                    Some((_, ticket)) => set.since(ticket).await,
                    None => set.await,
                })]
            }
            Verb::SetMany(items, put) => {
                let set = cache.set_many(items.iter().map(|item| (*item, put.value)));
                let set = set.options(put.wish.options());
                vec![applied(set.tags(put.tags.iter().copied()).await)]
            }
            Verb::Invalidate(changes) => vec![applied(invalidate(&cache, changes).await)],
            Verb::Pass(time) => {
                advance(*time).await;
                Vec::new()
            }
        }
    }

    async fn load(&self, cache: &HybridCache, item: Item, ask: &Ask) -> Answer {
        let (tags, default) = (ask.tags.clone(), ask.default);
        let options = ask.wish.options();
        if ask.is_optional {
            let factory = self.factory(item, &ask.factory, Some);
            let load = cache.get_or_set_optional(&item, factory).options(options);
            let load = load.tags(|| tags);
            return answer(match default {
                Some(default) => load.fail_safe_default(default).detailed().await,
                None => load.detailed().await,
            });
        }
        let factory = self.factory(item, &ask.factory, |value| value);
        let load = cache.get_or_set(&item, factory).options(options);
        let load = load.tags(|| tags);
        let found = match default {
            Some(default) => load.fail_safe_default(default).detailed().await,
            None => load.detailed().await,
        };
        answer(found.map(|found| Cached {
            value: Some(found.value),
            outcome: found.outcome,
        }))
    }

    fn factory<L: Send + 'static>(
        &self,
        item: Item,
        factory: &Factory,
        loaded: fn(Option<u32>) -> Option<L>,
    ) -> impl FnOnce(FactoryContext) -> futures::future::BoxFuture<'static, io::Result<L>> + Send + use<L>
    {
        let (seen, factory) = (self.seen.clone(), factory.clone());
        move |mut cx| {
            Box::pin(async move {
                let _running = seen.began(&factory);
                seen.was_offered(item, &cx);
                says(&mut cx, &factory);
                loaded(end(&factory).await?).ok_or_else(broken)
            })
        }
    }

    async fn load_many(&self, cache: &HybridCache, items: &[Item], ask: &Ask) -> Vec<Answer> {
        let (seen, factory) = (self.seen.clone(), ask.factory.clone());
        let load = cache.get_or_set_many(items, move |mut cx: ManyContext, missing: Vec<Item>| {
            let (seen, factory) = (seen.clone(), factory.clone());
            async move {
                let _running = seen.began(&factory);
                for item in &missing {
                    let cx = cx.of(item).unwrap();
                    seen.was_offered(*item, cx);
                    says(cx, &factory);
                }
                let value = end(&factory).await?;
                let pairs = missing.into_iter().filter_map(|item| Some((item, value?)));
                Ok::<Vec<_>, io::Error>(pairs.collect())
            }
        });
        let each = load.options(ask.wish.options()).each().await.unwrap();
        each.into_iter().map(answer).collect()
    }
}

/// Lets a factory begin or end, and be told of. Fewer turns than `support::settle` has, since there is one
/// factory at most.
async fn settle() {
    for _ in 0..12 {
        yield_now().await;
    }
}

fn says(cx: &mut FactoryContext, factory: &Factory) {
    cx.set_options(factory.says.options());
    if let Some(tag) = factory.adds {
        cx.add_tag(tag);
    }
    if factory.keeps_out {
        cx.do_not_store();
    }
}

async fn end(factory: &Factory) -> io::Result<Option<u32>> {
    for _ in 0..factory.yields {
        yield_now().await;
    }
    if !factory.takes.is_zero() {
        sleep(factory.takes).await;
    }
    match factory.ends {
        Ends::Gives(value) => Ok(Some(value)),
        Ends::GivesNone => Ok(None),
        Ends::Fails => Err(broken()),
        // As a panic, but without a word on the terminal.
        Ends::Panics => std::panic::resume_unwind(Box::new("the factory panics")),
    }
}

async fn invalidate(cache: &HybridCache, changes: &[Change]) -> Result<Invalidated, CacheError> {
    if let [Change { what, mode }] = changes {
        return match (what, mode) {
            (What::Item(item), Mode::Remove) => cache.remove(item).await,
            (What::Item(item), Mode::Expire) => cache.expire(item).await,
            (What::Tag(tag), Mode::Remove) => cache.remove_by_tag(*tag).await,
            (What::Tag(tag), Mode::Expire) => cache.expire_by_tag(*tag).await,
            (What::Kind(kind), _) => cache.remove_kind(KeyKind::new(kind)).await,
            (What::Scope, Mode::Remove) => cache.clear().await,
            (What::Scope, Mode::Expire) => cache.expire_all().await,
            (What::Everything, _) => cache.clear_all_scopes().await,
        };
    }
    let batch = changes.iter().fold(Batch::new(), |batch, change| {
        match (change.what, change.mode) {
            (What::Item(item), Mode::Remove) => batch.remove(&item),
            (What::Item(item), Mode::Expire) => batch.expire(&item),
            (What::Tag(tag), Mode::Remove) => batch.remove_tag(tag),
            (What::Tag(tag), Mode::Expire) => batch.expire_tag(tag),
            (What::Kind(kind), _) => batch.remove_kind(KeyKind::new(kind)),
            (What::Scope | What::Everything, _) => unreachable!("no part of a batch"),
        }
    });
    cache.invalidate(batch).await
}

/// Polls a call so many times, and drops it then; its answer, if there was one by then.
async fn polled<F: Future>(call: F, polls: usize) -> Option<F::Output> {
    let mut call = pin!(call);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
        if let Poll::Ready(answer) = polled {
            return Some(answer);
        }
        yield_now().await;
    }
    None
}

fn answer(found: Result<Cached<Option<Arc<u32>>>, CacheError>) -> Answer {
    match found {
        Ok(found) => Answer::Value(found.value.map(|value| *value), found.outcome),
        Err(CacheError::FactoryTimeout { .. }) => Answer::TimedOut,
        Err(CacheError::Factory { .. } | CacheError::FactoryPanicked { .. }) => Answer::Failed,
        Err(error) => unreachable!("{error}"),
    }
}

fn applied(done: Result<Invalidated, CacheError>) -> Answer {
    assert!(done.unwrap().is_applied());
    Answer::Applied
}
