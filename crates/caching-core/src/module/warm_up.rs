//! What modules load into the cache while their application comes up.

mod context;
mod progress;
mod run;

use std::future::Future;

use app_host::{ServiceBuilder, Services, async_trait};

pub use self::context::WarmUpContext;
pub use self::progress::WarmUpProgress;

use crate::config::WarmUpConfig;
use crate::error::BoxError;
use crate::scope::BoxFuture;

/// What is loaded into the cache while the application comes up, collected from its modules.
///
/// [`CachingModule`](crate::CachingModule) provides it, other modules contribute to it. The tasks begin
/// once all modules have started, so that they may use what those have opened. Readiness says no until they
/// are over, or `cache.warm_up.limit` is. What fails is told in the log and left to the first readers: it
/// never stops a start.
///
/// ```
/// use app_host::{App, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module};
/// use caching_core::{CachingModule, HybridCache, WarmUp};
///
/// #[derive(Default)]
/// struct Rates;
///
/// impl Module for Rates {
///     fn name(&self) -> &'static str {
///         "rates"
///     }
///
///     fn depends_on(&self) -> Dependencies {
///         Dependencies::none().requires::<CachingModule>()
///     }
///
///     fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
///         cx.contribute(|warm_up: WarmUp| {
///             Ok(warm_up.task("rates", |cx| async move {
///                 let cache: HybridCache = cx.cache().clone();
///                 cx.each(["euro", "dollar"], move |name| {
///                     let cache = cache.clone();
///                     async move { cache.get_or_set(name, |_| async { Ok::<_, BoxError>(1.25) }).await }
///                 })
///                 .await
///             }))
///         });
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let app = App::builder()
///     .module::<Rates>()
///     .config_str(ConfigFormat::Toml, "cache.warm_up.limit = '10s'")
///     .build()
///     .await?;
/// app.start().await?;
/// # app.services().get::<caching_core::WarmUpProgress>()?.over().await;
/// # assert!(app.services().get::<HybridCache>()?.peek::<_, f64>("euro")?.is_some());
/// # app.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct WarmUp {
    config: WarmUpConfig,
    tasks: Vec<Task>,
}

/// A part of a warm-up.
struct Task {
    name: String,
    work: Work,
}

type Work = Box<dyn FnOnce(WarmUpContext) -> BoxFuture<'static, Result<(), BoxError>> + Send>;

impl WarmUp {
    pub(crate) fn new(config: WarmUpConfig) -> Self {
        Self {
            config,
            tasks: Vec::new(),
        }
    }

    /// Adds a task; its name is for the log.
    ///
    /// It is dropped at the limit and when the application stops. There is no tenant in scope: one that
    /// loads for a tenant enters its scope, or uses `cache.in_scope(…)`.
    pub fn task<F, Fut, E>(mut self, name: impl Into<String>, work: F) -> Self
    where
        F: FnOnce(WarmUpContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.tasks.push(Task {
            name: name.into(),
            work: Box::new(move |cx| {
                let work = work(cx);
                Box::pin(async move { work.await.map_err(Into::into) })
            }),
        });
        self
    }
}

#[async_trait]
impl ServiceBuilder for WarmUp {
    type Service = WarmUpProgress;

    async fn build(self, _: &Services) -> Result<WarmUpProgress, BoxError> {
        Ok(WarmUpProgress::of(self))
    }
}

impl std::fmt::Debug for WarmUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.tasks.iter().map(|task| task.name.as_str()).collect();
        f.debug_struct("WarmUp")
            .field("config", &self.config)
            .field("tasks", &names)
            .finish()
    }
}
