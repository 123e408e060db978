//! What a factory is told, and what it may change.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::entry::{Content, LONGEST_ETAG};
use crate::error::BoxError;
use crate::flow::changes::{Old, SharedChanges};
use crate::options::EntryOptions;
use crate::scope::ScopeId;
use crate::tag::Tag;

/// Given to a factory: the key it loads, what is left of the old value, and what may be changed.
///
/// ```
/// # use caching_core::HybridCache;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cache = HybridCache::builder().build()?;
/// let rate = cache
///     .get_or_set("rate", |mut cx| async move {
///         cx.add_tag("rates");
///         cx.set_duration(Duration::from_secs(10));
///         Ok::<_, std::io::Error>(1.25)
///     })
///     .await?;
/// # assert_eq!(*rate, 1.25);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FactoryContext {
    pub(crate) key: String,
    pub(crate) physical_key: String,
    pub(crate) scope: ScopeId,
    pub(crate) stale: Option<Content>,
    pub(crate) old: Option<Old>,
    pub(crate) changes: SharedChanges,
    /// Cancelled when the factory is dropped before it has answered.
    pub(crate) cancellation: CancellationToken,
}

impl FactoryContext {
    /// The key as the caller names it, without scope and kind.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key as it stands outside the process: `prefix:scope:kind:key`.
    #[must_use]
    pub fn physical_key(&self) -> &str {
        &self.physical_key
    }

    /// The scope that was captured when the caller asked.
    #[must_use]
    pub const fn scope(&self) -> ScopeId {
        self.scope
    }

    /// The old value, if there is one of this type and fail-safe is on.
    #[must_use]
    pub fn stale<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        match self.stale.clone()? {
            Content::Value(value) => value.downcast().ok(),
            Content::Absent => None,
        }
    }

    /// The entity tag of the old value, if the factory that brought it [set one](Self::set_etag): for a
    /// conditional request (`If-None-Match`), whose answer may be [`not_modified`](Self::not_modified).
    ///
    /// There is an old value where one is kept past its duration, which fail-safe does, and while it is
    /// refreshed early. None is left after a `remove`.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.old.as_ref()?.validators.as_ref()?.etag()
    }

    /// When the old value was modified last, if the factory that brought it
    /// [said so](Self::set_last_modified): for `If-Modified-Since`.
    #[must_use]
    pub fn last_modified(&self) -> Option<SystemTime> {
        self.old.as_ref()?.validators.as_ref()?.last_modified()
    }

    /// Keeps the entity tag of this value beside it, in other processes too, for the next load to ask with.
    ///
    /// It is kept as it is, with its quotes. An empty one, or one of more than 1 024 bytes, is not kept.
    pub fn set_etag(&mut self, etag: impl AsRef<str>) {
        let etag = etag.as_ref();
        if etag.len() > LONGEST_ETAG {
            tracing::debug!(
                key = self.physical_key,
                length = etag.len(),
                "an entity tag is too long to be kept; the next load has none to ask with"
            );
        }
        self.changes
            .change(|changes| changes.validators.set_etag(etag));
    }

    /// Keeps the time at which this value was modified last beside it, in other processes too.
    pub fn set_last_modified(&mut self, at: SystemTime) {
        self.changes
            .change(|changes| changes.validators.set_last_modified(at));
    }

    /// The answer of a factory whose source says that the old value has not changed: that value, with its
    /// tags, is stored anew, by the options of this load.
    ///
    /// It is an error to Rust only, as there is no new value to return. It may be wrapped in errors whose
    /// `source` it is. The entity tag and date of the old value stay unless this load sets others. Other
    /// processes keep what they have; nobody is told, and nobody loads, because of it. Where there is no
    /// old value, it counts as a failure.
    ///
    /// ```
    /// # use caching_core::{BoxError, FactoryContext, HybridCache};
    /// # struct Response { status: u16, etag: Option<String>, body: String }
    /// # async fn request(if_none_match: Option<&str>) -> Result<Response, BoxError> {
    /// #     Ok(Response { status: 200, etag: Some("\"7\"".into()), body: "1.25".into() })
    /// # }
    /// async fn rate(mut cx: FactoryContext) -> Result<String, BoxError> {
    ///     let response = request(cx.etag()).await?;
    ///     if response.status == 304 {
    ///         return Err(cx.not_modified());
    ///     }
    ///     if let Some(etag) = &response.etag {
    ///         cx.set_etag(etag);
    ///     }
    ///     Ok(response.body)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # let cache = HybridCache::builder().build()?;
    /// let rate = cache.get_or_set("rate", rate).await?;
    /// # assert_eq!(*rate, "1.25");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn not_modified(&self) -> BoxError {
        self.changes.not_modified()
    }

    /// Whether this load was given up: see [`cancelled`](Self::cancelled).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Ends when this load is given up: past its hard limit, when its last caller has left, when its
    /// key is invalidated during an early refresh, and when the cache stops.
    ///
    /// The future of a factory is dropped then, and needs no telling. This is for what outlives it: a
    /// thread of `spawn_blocking`, a task, a query on a server. It does not end where the factory has
    /// answered, be it with an error.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }

    /// The same as a token, which can be cloned into a thread or a task.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let primes = cache
    ///     .get_or_set("primes", |cx| async move {
    ///         let given_up = cx.cancellation();
    ///         tokio::task::spawn_blocking(move || {
    ///             (2..1_000_u32)
    ///                 .take_while(|_| !given_up.is_cancelled())
    ///                 .filter(|n| (2..*n).all(|d| n % d != 0))
    ///                 .count()
    ///         })
    ///         .await
    ///     })
    ///     .await?;
    /// assert_eq!(*primes, 168);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// Sets how long this value is fresh.
    pub fn set_duration(&mut self, duration: Duration) {
        self.changes
            .change(|changes| changes.options.duration = Some(duration));
    }

    /// Sets options of this entry; they win over those of the call.
    ///
    /// Some are said too late here, and count for nothing: the codec, by which other readers look for the
    /// value before they know what a factory says, and what is of the read and not of the entry: the limits
    /// of the factory, `l1_read`, `l2_read`, `allow_stale` and `serve_stale`. Of `fail_safe` the stricter word
    /// counts where this factory fails: its caller is given a stale value only if neither of the two
    /// forbids it. A caller who joined this load goes by its own options.
    pub fn set_options(&mut self, options: EntryOptions) {
        self.changes
            .change(|changes| changes.options = options.or(&changes.options));
    }

    /// Adds a tag to this entry.
    pub fn add_tag(&mut self, tag: impl Into<Tag>) {
        let tag = tag.into();
        self.changes.change(|changes| changes.tags.add(tag));
    }

    /// Keeps the value out of the cache: callers get it, and what was there stays.
    ///
    /// For a value that was read inside an open transaction, say.
    pub fn do_not_store(&mut self) {
        self.changes.change(|changes| changes.is_kept_out = true);
    }

    /// An error that says why there is no value; with fail-safe, callers get the stale one.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let rate = cache
    ///     .get_or_set("rate", |cx| async move { Err::<f64, _>(cx.fail("the bank is closed")) })
    ///     .await;
    /// assert!(rate.unwrap_err().to_string().ends_with("the bank is closed"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fail(&self, reason: impl Into<String>) -> BoxError {
        reason.into().into()
    }
}
