//! What modules load while their application comes up: when, how much at once, for how long, and what fails.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app_host::{
    App, AppContext, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module, async_trait,
};
use caching_core::{CachingModule, HybridCache, WarmUp, WarmUpProgress};
use caching_testkit::Gate;
use support::{SECOND, pass, settle};

/// A module with a part in the warm-up.
struct Shop {
    warm_up: Mutex<Option<Contribution>>,
    opens: Gate,
}

type Contribution = Box<dyn FnOnce(WarmUp) -> WarmUp + Send>;

/// What the module opens at its start.
#[derive(Clone)]
struct Database(Arc<AtomicUsize>);

#[async_trait]
impl Module for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide_value(Database(Arc::default()));
        if let Some(warm_up) = self.warm_up.lock().unwrap().take() {
            cx.contribute(|collected: WarmUp| Ok(warm_up(collected)));
        }
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        self.opens.pass().await;
        cx.services()
            .get::<Database>()?
            .0
            .store(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Running {
    app: Arc<App>,
    cache: HybridCache,
    progress: WarmUpProgress,
}

/// An application with this section `[cache]` and this warm-up.
async fn built(
    toml: &str,
    opens: &Gate,
    warm_up: impl FnOnce(WarmUp) -> WarmUp + Send + 'static,
) -> Running {
    let app = App::builder()
        .with_module(Shop {
            warm_up: Mutex::new(Some(Box::new(warm_up))),
            opens: opens.clone(),
        })
        .config_str(ConfigFormat::Toml, toml)
        .without_environment_variables()
        .build()
        .await
        .unwrap();
    Running {
        cache: app.services().get().unwrap(),
        progress: app.services().get().unwrap(),
        app: Arc::new(app),
    }
}

/// The same, started.
async fn started(toml: &str, warm_up: impl FnOnce(WarmUp) -> WarmUp + Send + 'static) -> Running {
    let running = built(toml, &Gate::opened(), warm_up).await;
    running.app.start().await.unwrap();
    settle().await;
    running
}

impl Running {
    async fn is_ready(&self) -> bool {
        self.app.health().await.is_ready()
    }

    fn kept(&self, key: &str) -> Option<u32> {
        self.cache.peek::<_, u32>(key).unwrap().as_deref().copied()
    }
}

/// Loads a key.
async fn load(cache: &HybridCache, key: &str) -> Result<(), caching_core::CacheError> {
    let load = cache.get_or_set(key, |_| async { Ok::<_, io::Error>(1_u32) });
    load.await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn an_application_is_ready_when_what_its_modules_named_is_loaded() {
    let gate = Gate::closed();
    let of_task = gate.clone();
    let running = started("", |warm_up| {
        warm_up.task("rates", |cx| async move {
            of_task.pass().await;
            load(cx.cache(), "rate").await
        })
    })
    .await;
    assert!(
        !running.is_ready().await,
        "it has started and is warming up"
    );
    let report = running.app.health().await;
    let check = &report.checks()[0];
    assert!(
        check.detail.as_ref().unwrap().starts_with("warming up"),
        "{check:?}"
    );
    gate.open();
    running.progress.over().await;
    assert!(running.is_ready().await);
    assert_eq!(running.kept("rate"), Some(1));
    assert_eq!(
        (running.progress.loaded(), running.progress.failed()),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_warm_up_an_application_is_ready_at_once() {
    let running = started("", |warm_up| warm_up).await;
    assert!(running.progress.is_over());
    assert!(running.is_ready().await);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_begins_once_all_modules_have_started() {
    let opens = Gate::closed();
    let running = built("", &opens, |warm_up| {
        warm_up.task("of the database", |cx| async move {
            let opened = cx.service::<Database>()?.0.load(Ordering::SeqCst);
            cx.cache()
                .set("opened", opened as u32)
                .await?
                .accept_queued();
            Ok::<_, BoxError>(())
        })
    })
    .await;
    let app = Arc::clone(&running.app);
    let starting = tokio::spawn(async move { app.start().await.map_err(drop) });
    opens.arrivals(1).await;
    settle().await;
    assert!(!running.progress.is_over());
    opens.open();
    starting.await.unwrap().unwrap();
    running.progress.over().await;
    assert_eq!(running.kept("opened"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_fails_or_panics_stops_no_start_and_leaves_the_others() {
    let running = started("", |warm_up| {
        warm_up
            .task("fails", |_| async { Err(io::Error::other("broken")) })
            .task("panics", |_| async {
                unreachable!("in a test") as Result<(), BoxError>
            })
            .task("works", |cx| async move { load(cx.cache(), "works").await })
    })
    .await;
    running.progress.over().await;
    assert!(running.is_ready().await);
    assert_eq!(running.kept("works"), Some(1));
    assert_eq!(
        (running.progress.loaded(), running.progress.failed()),
        (1, 2)
    );
    assert!(running.app.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn an_item_that_fails_leaves_the_others_of_its_task() {
    let (told, error) = tokio::sync::oneshot::channel();
    let running = started("", |warm_up| {
        warm_up.task("numbers", |cx| async move {
            let cache = cx.cache().clone();
            let result = cx
                .each(0..10_u32, move |number| {
                    let cache = cache.clone();
                    async move {
                        if number % 4 == 1 {
                            return Err(BoxError::from(format!("{number} is broken")));
                        }
                        Ok(load(&cache, &number.to_string()).await?)
                    }
                })
                .await;
            let _ = told.send(result.unwrap_err().to_string());
            Ok::<_, BoxError>(())
        })
    })
    .await;
    running.progress.over().await;
    assert_eq!(
        error.await.unwrap(),
        "3 of 10 could not be loaded; the first: 1 is broken"
    );
    assert_eq!((running.kept("8"), running.kept("9")), (Some(1), None));
    assert_eq!(
        (running.progress.loaded(), running.progress.failed()),
        (8, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_is_loaded_at_once_than_the_warm_up_may() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&at_once), Arc::clone(&most));
    let running = started("cache.warm_up.concurrency = 3", move |warm_up| {
        let task = |warm_up: WarmUp, name: &str| {
            let (at_once, most) = counted.clone();
            warm_up.task(name, |cx| async move {
                cx.each(0..20, |_| async {
                    let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(SECOND / 10).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, BoxError>(())
                })
                .await
            })
        };
        let warm_up = task(warm_up, "a");
        task(warm_up, "b")
    })
    .await;
    running.progress.over().await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(running.progress.loaded(), 42);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_past_its_limit_is_dropped_and_the_application_ready() {
    let dropped = Arc::new(AtomicUsize::new(0));
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let counts = Counts(Arc::clone(&dropped));
    let running = started("cache.warm_up.limit = '10s'", |warm_up| {
        warm_up
            .task("slow", |_| async move {
                let _counts = counts;
                std::future::pending::<Result<(), BoxError>>().await
            })
            .task("quick", |cx| async move { load(cx.cache(), "quick").await })
    })
    .await;
    pass(9 * SECOND).await;
    assert!(!running.is_ready().await);
    pass(SECOND).await;
    assert!(running.progress.is_over());
    assert!(running.is_ready().await);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(running.kept("quick"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_stops_ends_its_warm_up() {
    let running = started("", |warm_up| {
        warm_up.task("never", |_| std::future::pending::<Result<(), BoxError>>())
    })
    .await;
    let begun = tokio::time::Instant::now();
    assert!(running.app.stop().await.is_clean());
    assert!(begun.elapsed() < SECOND);
    assert!(running.progress.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_of_no_time_or_of_nothing_at_once_is_refused() {
    let refused = App::builder()
        .module::<CachingModule>()
        .config_str(
            ConfigFormat::Toml,
            "cache.warm_up = { limit = '0s', concurrency = 0 }",
        )
        .build()
        .await
        .unwrap_err()
        .to_string();
    for setting in ["cache.warm_up.limit", "cache.warm_up.concurrency"] {
        assert!(refused.contains(setting), "{refused}");
    }
}
