//! Versions: what tells whether something was purged since.

use std::fmt;
use std::future::Future;

use crate::cache::HybridCache;
use crate::cache::invalidate::{BatchGroup, resolve};
use crate::coherence::{Epoch, Group};
use crate::error::CacheError;
use crate::key::KeyKind;
use crate::tag::Tag;

/// Tells what a tag, a kind or a scope was last purged by: equal while it was not, another one after
/// each purge that covers it.
///
/// It is the same on all processes that share a store, and another one after the store has lost its
/// memory. Its text is of letters, digits and a full stop, so that it can stand in an `ETag`. Versions
/// have no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    epoch: Epoch,
    clock: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}.{}", self.epoch.bits(), self.clock)
    }
}

impl HybridCache {
    /// The version of a tag in the current scope. It changes with each purge of the tag, of its scope
    /// and of everything; with what is removed by its key, or by its kind, it does not.
    ///
    /// Ask **before** you read what it is to stand for: a version that is older than its content is
    /// asked for once more, a newer one would keep the old content alive.
    ///
    /// With a shared store it is a round trip, since only the store knows of all purges up to now.
    ///
    /// ```
    /// # use caching_core::{HybridCache, Tag};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let customer = Tag::of("customer", &7);
    /// let e_tag = format!("\"{}\"", cache.version_of(&customer).await?);
    /// cache.remove_by_tag(&customer).await?.accept_queued();
    /// assert_ne!(e_tag, format!("\"{}\"", cache.version_of(&customer).await?));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CacheError::VersionUnknown`] where the store does not answer, or a purge that covers the tag
    /// waits to be sent to it; no scope, a tag that cannot be used, a stopped cache, no tokio runtime.
    pub fn version_of<T: Into<Tag>>(
        &self,
        tag: T,
    ) -> impl Future<Output = Result<Version, CacheError>> + Send + use<T> {
        self.version(BatchGroup::Tag(tag.into()))
    }

    /// The version of a kind of keys in the current scope, as [`version_of`](Self::version_of) a tag.
    ///
    /// # Errors
    ///
    /// Those of [`version_of`](Self::version_of).
    pub fn version_of_kind(
        &self,
        kind: KeyKind,
    ) -> impl Future<Output = Result<Version, CacheError>> + Send + use<> {
        self.version(BatchGroup::Kind(kind))
    }

    /// The version of the current scope: it changes with each [`clear`](Self::clear) of it, and of
    /// everything; with the purge of a tag or a kind in it, it does not.
    ///
    /// # Errors
    ///
    /// Those of [`version_of`](Self::version_of).
    pub fn version_of_scope(
        &self,
    ) -> impl Future<Output = Result<Version, CacheError>> + Send + use<> {
        self.version(BatchGroup::Scope)
    }

    fn version(
        &self,
        of: BatchGroup,
    ) -> impl Future<Output = Result<Version, CacheError>> + Send + use<> {
        // Here, not in the future: the scope is that of the caller who calls, not who polls.
        let scope = self.capture_scope(self.scope);
        let cache = self.clone();
        async move {
            cache.engine.check_running()?;
            let scopes = &*cache.engine.scope;
            let group = resolve(of, &scope)?;
            let mut covering = vec![Group::Everything];
            if let Group::Tag(scope, _) | Group::Kind(scope, _) = group {
                covering.push(Group::Scope(scope));
            }
            covering.push(group);
            let covering = covering.iter().map(|group| group.name(scopes)).collect();
            let (epoch, clock) = cache.engine.version(covering).await?;
            Ok(Version { epoch, clock })
        }
    }
}
