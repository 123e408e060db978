//! Those whose factory is to run once for all of them: who belongs, who has come, and when it runs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::Instrument;

use crate::entry::Content;
use crate::error::{BoxError, CacheError, SharedError};
use crate::flow::Engine;
use crate::flow::approach::PATIENCE;
use crate::flow::fly::panic_message;
use crate::flow::loading::Loading;
use crate::flow::many::{ManyFactory, Missing};
use crate::flow::request::{Factory, Request};
use crate::scope::ScopeId;

/// How long one who comes late waits for others who do.
const LATE: Duration = Duration::from_millis(5);

/// Those whose factory is to run once for all of them.
///
/// Each belongs to a flight of its own. The factory runs when all who are expected have come or will
/// not: because another process had their value, or because their callers left. Who has to wait for
/// another process' load is not expected any more; if it comes after all, it is late.
pub(crate) struct Group {
    engine: Arc<Engine>,
    runtime: Handle,
    factory: ManyFactory,
    /// Held to count or to take; never across an await.
    gathering: Mutex<Gathering>,
}

#[derive(Default)]
struct Gathering {
    expected: usize,
    present: Vec<Present>,
    /// Whether somebody waits already for others who are late.
    is_late: bool,
}

/// One who has come.
struct Present {
    missing: Missing,
    loading: Loading,
    patience: Duration,
    reply: oneshot::Sender<Result<Content, Failed>>,
}

/// One of a group.
pub(crate) struct Member {
    group: Arc<Group>,
    loading: Loading,
    patience: Duration,
    /// Whether the others wait for it. Changed under the lock of the gathering.
    is_expected: AtomicBool,
}

/// A group that is still being put together: until all are aboard, it does not go.
pub(crate) struct Boarders(Arc<Group>);

/// A member's place. Giving it up tells the others not to wait.
struct Place(Arc<Member>);

impl Group {
    /// A group without members, which does not go before all are aboard.
    pub(super) fn open(engine: &Arc<Engine>, runtime: &Handle, factory: ManyFactory) -> Boarders {
        Boarders(Arc::new(Self {
            engine: Arc::clone(engine),
            runtime: runtime.clone(),
            factory,
            gathering: Mutex::new(Gathering {
                // Whoever puts it together.
                expected: 1,
                ..Gathering::default()
            }),
        }))
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        // Nothing that is done under it ends half-way.
        self.gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One is not expected any more; the last one lets the others go.
    fn expects_less(self: &Arc<Self>, gathering: &mut Gathering) {
        gathering.expected = gathering.expected.saturating_sub(1);
        if gathering.expected == 0 {
            self.go(std::mem::take(&mut gathering.present));
        }
    }

    /// Lets those who are late go together, after a short while.
    fn go_late(self: &Arc<Self>) {
        let group = Arc::clone(self);
        // Owned by `tasks`, and over soon; where it is lost, its members are told that it was.
        self.engine.tasks.spawn_on(
            async move {
                sleep(LATE).await;
                let mut gathering = group.gathering();
                gathering.is_late = false;
                group.go(std::mem::take(&mut gathering.present));
            },
            &self.runtime,
        );
    }

    /// Runs the factory for those who are present, once for each scope: the keys of a type have one.
    fn go(self: &Arc<Self>, mut present: Vec<Present>) {
        while let Some(first) = present.first() {
            let scope = first.missing.key.scope();
            let (together, others): (Vec<_>, Vec<_>) = present
                .into_iter()
                .partition(|one| one.missing.key.scope() == scope);
            present = others;
            let group = Arc::clone(self);
            let span = tracing::info_span!("cache.load_many", keys = together.len());
            let run = async move {
                let ending = group.engine.ending.clone();
                ending.run_until_cancelled(group.run(scope, together)).await;
            };
            // Owned by `tasks`: `stop` waits for it, and ends it through `ending` at its deadline.
            self.engine
                .tasks
                .spawn_on(run.instrument(span), &self.runtime);
        }
    }

    /// Runs the factory for those who still wait, until none of them does.
    async fn run(&self, scope: ScopeId, mut present: Vec<Present>) {
        present.retain(|one| !one.reply.is_closed());
        let Some(first) = present.first() else {
            return;
        };
        let turn = self.engine.turn(first.patience, &first.loading).await;
        // It is the load of them all: whoever it asks for one of them would wait for itself.
        let keys = present.iter().map(|one| one.missing.key.clone()).collect();
        let loading = first.loading.clone().of_many(keys);
        let (missing, mut replies): (Vec<_>, Vec<_>) = present
            .into_iter()
            .map(|one| (one.missing, one.reply))
            .unzip();
        let loaded = tokio::select! {
            biased;
            loaded = self.call(scope, loading, missing) => loaded,
            () = all_left(&mut replies) => return,
        };
        drop(turn);
        match loaded {
            Ok(contents) => {
                for (reply, content) in replies.into_iter().zip(contents) {
                    // Whoever has left needs none.
                    let _ = reply.send(Ok(content));
                }
            }
            Err(failed) => {
                for reply in replies {
                    let _ = reply.send(Err(failed.clone()));
                }
            }
        }
    }

    /// Calls the factory in the scope of its keys, and turns a panic into an error.
    async fn call(
        &self,
        scope: ScopeId,
        loading: Loading,
        missing: Vec<Missing>,
    ) -> Result<Vec<Content>, Failed> {
        let mut ended = None;
        let factory = &self.factory;
        let work = async {
            // The factory may panic before its first await, too.
            let mut run = Box::pin(async move { factory(missing).await });
            let run = std::future::poll_fn(|cx| {
                // A factory that panicked is never polled again, so nothing that it left half-done
                // is seen.
                catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx)))
                    .map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
            });
            ended = Some(loading.enter(run).await);
        };
        self.engine.scope.enter(scope, Box::pin(work)).await;
        match ended {
            Some(Ok(Ok(contents))) => Ok(contents),
            Some(Ok(Err(source))) => Err(Failed::Error(source.into())),
            Some(Err(panic)) => Err(Failed::panicked(panic.as_ref())),
            None => Err(Failed::Aborted),
        }
    }
}

/// Waits until nobody waits for an answer.
async fn all_left(replies: &mut [oneshot::Sender<Result<Content, Failed>>]) {
    for reply in replies {
        reply.closed().await;
    }
}

impl Boarders {
    /// A member for a request, and what it takes for its factory: it joins the others.
    pub(super) fn member(&self, request: &Request, loading: &Loading) -> (Arc<Member>, Factory) {
        self.0.gathering().expected += 1;
        let member = Arc::new(Member {
            group: Arc::clone(&self.0),
            loading: loading.clone(),
            patience: request.profile.factory_soft_limit.unwrap_or(PATIENCE),
            is_expected: AtomicBool::new(true),
        });
        let (place, key) = (Place(Arc::clone(&member)), request.key.clone());
        let factory: Factory = Box::new(move |cx| {
            Box::pin(async move {
                let reply = place.0.come(Missing { key, cx });
                let content = reply.await.unwrap_or(Err(Failed::Aborted))?;
                drop(place);
                Ok(content)
            })
        });
        (member, factory)
    }

    /// Lets the group go as soon as all who belong to it have come.
    pub(super) fn all_aboard(&self) {
        let mut gathering = self.0.gathering();
        self.0.expects_less(&mut gathering);
    }
}

impl Member {
    /// It will come later, if at all: the others do not wait for it.
    pub(crate) fn is_late(&self) {
        let mut gathering = self.group.gathering();
        self.excuse(&mut gathering);
    }

    fn excuse(&self, gathering: &mut Gathering) {
        // Relaxed: under the lock of the gathering.
        if self.is_expected.swap(false, Ordering::Relaxed) {
            self.group.expects_less(gathering);
        }
    }

    fn come(&self, missing: Missing) -> oneshot::Receiver<Result<Content, Failed>> {
        let (reply, answer) = oneshot::channel();
        let mut gathering = self.group.gathering();
        gathering.present.push(Present {
            missing,
            loading: self.loading.clone(),
            patience: self.patience,
            reply,
        });
        self.excuse(&mut gathering);
        // Late: nobody is expected whose coming would let it go.
        if gathering.expected == 0 && !gathering.present.is_empty() && !gathering.is_late {
            gathering.is_late = true;
            self.group.go_late();
        }
        answer
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.is_late();
    }
}

/// Why the factory of a group brought nothing: the same for all of its members.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("the factory failed: {0}")]
    Error(SharedError),
    #[error("the factory panicked: {0}")]
    Panicked(String),
    #[error("the factory was stopped before it ended")]
    Aborted,
}

impl Failed {
    fn panicked(panic: &(dyn Any + Send)) -> Self {
        Self::Panicked(panic_message(panic))
    }

    /// What a factory's error is to the caller who asked for a key.
    pub(crate) fn told(key: String, source: BoxError) -> CacheError {
        match source.downcast::<Self>().map(|failed| *failed) {
            Ok(Self::Error(source)) => CacheError::Factory { key, source },
            Ok(Self::Panicked(message)) => CacheError::FactoryPanicked { key, message },
            Ok(Self::Aborted) => CacheError::FactoryAborted { key },
            Err(source) => CacheError::Factory {
                key,
                source: source.into(),
            },
        }
    }
}
