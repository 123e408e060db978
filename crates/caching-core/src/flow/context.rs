//! What a factory is told, and what it may change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::entry::Content;
use crate::error::BoxError;
use crate::options::EntryOptions;
use crate::scope::ScopeId;
use crate::tag::{Tag, Tags};

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
    pub(crate) changes: SharedChanges,
}

/// What a factory changed about the entry it loads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) options: EntryOptions,
    pub(crate) tags: Tags,
    pub(crate) is_kept_out: bool,
}

/// The changes, written by the factory and read once it has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedChanges(Arc<Mutex<Changes>>);

impl SharedChanges {
    fn change(&self, change: impl FnOnce(&mut Changes)) {
        // Held for an assignment; a factory that panicked is not stored at all.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn take(&self) -> Changes {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
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

    /// Sets how long this value is fresh.
    pub fn set_duration(&mut self, duration: Duration) {
        self.changes
            .change(|changes| changes.options.duration = Some(duration));
    }

    /// Sets options of this entry; they win over those of the call. All but the codec: by that other readers
    /// look for the value, before they know what a factory says.
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
