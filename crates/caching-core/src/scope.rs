//! The scope of a key: whose entry it is.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

/// A future in a box, as the seams of this crate pass them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A scope as a small number, so that a hit copies it and clones nothing.
///
/// The [`KeyScope`] that made it knows its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(u32);

impl ScopeId {
    /// The scope of what belongs to everybody.
    pub const SHARED: Self = Self(0);

    /// A scope with this number; `0` is [`ScopeId::SHARED`].
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// Which scope a call acts in.
///
/// | scope | a key of its own scope | a key with `scope = shared` |
/// | --- | --- | --- |
/// | `Current` (default) | what [`KeyScope::current`] says when the verb is called | shared |
/// | `Shared` | shared | shared |
/// | `Of(id)` | that scope | shared |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The caller's scope, such as the tenant of the request.
    #[default]
    Current,
    /// What belongs to everybody; said explicitly, never a fallback.
    Shared,
    /// This scope, whoever calls.
    Of(ScopeId),
}

/// Tells a cache whose entry a call is about.
///
/// Without one, every key is shared. A tenant is the usual scope. The cache asks for the current
/// scope once, when a verb is called, and carries the answer into everything that the call starts.
pub trait KeyScope: Send + Sync + 'static {
    /// The scope of the caller.
    ///
    /// # Errors
    ///
    /// [`NoScope`] when the caller is in none: there is no default to fall back to, since a value
    /// of one tenant would then reach another.
    fn current(&self) -> Result<ScopeId, NoScope>;

    /// The text of a scope, as it stands in physical keys and logs: `t:acme`.
    ///
    /// It must be unique, and of visible ASCII without spaces. That of [`ScopeId::SHARED`] is
    /// [`SHARED_SCOPE_TEXT`], which [`parse`](Self::parse) and [`known`](Self::known) have to read as such:
    /// by it processes tell each other what they invalidate, and a cache on a shared store refuses to be
    /// built otherwise.
    fn text(&self, id: ScopeId) -> Arc<str>;

    /// The scope with this text, the reverse of [`text`](Self::text).
    ///
    /// # Errors
    ///
    /// [`NoScope`] when no scope has this text.
    fn parse(&self, text: &str) -> Result<ScopeId, NoScope>;

    /// The scope with this text, if this process has met it: of another one it keeps nothing.
    ///
    /// Asked for each invalidation of another process that is heard. The default asks
    /// [`parse`](Self::parse); where that gives numbers to scopes, this should give none.
    fn known(&self, text: &str) -> Option<ScopeId> {
        self.parse(text).ok()
    }

    /// Runs work inside a scope, as if its caller had been in it.
    ///
    /// Factories run through this, and so do event handlers.
    fn enter<'a>(&self, id: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()>;
}

/// There is no scope: the caller is in none, or a text names none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{hint}")]
pub struct NoScope {
    hint: String,
}

impl NoScope {
    /// An error that tells the caller the way out, such as "wrap the call in `Tenant::scope`".
    pub fn new(hint: impl Into<String>) -> Self {
        Self { hint: hint.into() }
    }
}

/// The scope of a cache without tenants: every call is about what is shared, unless it says
/// [`Scope::Of`]; the text of that scope is `n:` and its number.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedScope;

/// The text of [`ScopeId::SHARED`], which every [`KeyScope`] writes and reads.
pub const SHARED_SCOPE_TEXT: &str = "shared";

/// Something that names a scope: the id of a tenant, in an event or a message.
///
/// It is not implemented for strings on purpose: `acme` is the name of a tenant, `t:acme` the text of
/// its scope.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a scope",
    note = "use the id of a tenant, or implement `ScopeText` for this type"
)]
pub trait ScopeText {
    /// The text of the scope, as [`KeyScope::text`] writes it and [`KeyScope::parse`] reads it.
    fn scope_text(&self) -> Cow<'_, str>;
}

impl<T: ScopeText + ?Sized> ScopeText for &T {
    fn scope_text(&self) -> Cow<'_, str> {
        (**self).scope_text()
    }
}

impl KeyScope for SharedScope {
    fn current(&self) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::SHARED)
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        static SHARED: LazyLock<Arc<str>> = LazyLock::new(|| SHARED_SCOPE_TEXT.into());
        match id {
            ScopeId::SHARED => Arc::clone(&SHARED),
            // One text for all would make one of what others keep and purge.
            id => format!("n:{}", id.as_u32()).into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        if text == SHARED_SCOPE_TEXT {
            return Ok(ScopeId::SHARED);
        }
        text.strip_prefix("n:")
            .and_then(|number| number.parse().ok())
            .map(ScopeId::new)
            .filter(|id| *id != ScopeId::SHARED && *self.text(*id) == *text)
            .ok_or_else(|| {
                NoScope::new(format!(
                    "this cache has no scopes but `{SHARED_SCOPE_TEXT}` and those that calls number; \
                     give it a `KeyScope` to have more"
                ))
            })
    }

    fn enter<'a>(&self, _: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_a_text_of_its_own_that_is_read_back() {
        for number in [0, 1, 10, u32::MAX] {
            let id = ScopeId::new(number);
            assert_eq!(SharedScope.parse(&SharedScope.text(id)), Ok(id));
        }
        for text in ["", "n:", "n:0", "n:01", "n:+1", "n:4294967296", "t:acme"] {
            assert!(SharedScope.parse(text).is_err(), "{text}");
        }
    }
}
