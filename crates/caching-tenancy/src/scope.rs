//! The tenant as the scope of a cache's keys.

use std::borrow::Cow;
use std::sync::Arc;

use caching_core::{BoxFuture, KeyScope, NoScope, SHARED_SCOPE_TEXT, Scope, ScopeId, ScopeText};

use crate::interner;
use crate::tenant::{self, Entered};
use crate::{TenantId, TenantIdError};

/// What stands before a tenant's id in physical keys and logs.
const PREFIX: &str = "t:";

/// Keeps the entries of each tenant apart in a cache.
///
/// ```
/// use caching_core::HybridCache;
/// use caching_tenancy::{Tenant, TenantId, TenantScope};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().key_scope(TenantScope::new()).build()?;
///
/// for name in ["acme", "globex"] {
///     let greeting = Tenant::scope(TenantId::parse(name)?, async {
///         cache
///             .get_or_set("greeting", |_| async {
///                 // The factory works for the tenant of the call.
///                 Ok::<_, caching_core::BoxError>(format!("hello {}", Tenant::current()?))
///             })
///             .await
///     })
///     .await?;
///     assert_eq!(*greeting, format!("hello {name}"));
/// }
///
/// // Without a tenant there is no answer rather than somebody's.
/// assert!(cache.get::<_, String>("greeting").await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// A tenant is known to caches by a number. The same tenant has the same number in every cache and
/// application of the process, so that a number that strays between two of them cannot become another
/// tenant's; their entries are their own.
///
/// Work that a cache does on a shared key sees no tenant, also when a tenant's request began it: what
/// everybody will read must not depend on who asked first.
#[derive(Clone, Copy, Debug, Default)]
pub struct TenantScope(());

impl TenantScope {
    /// How many tenants one process may work for in its life; the next ones are refused.
    pub const MAX_TENANTS: u32 = interner::MAX_TENANTS;

    /// The scope of whoever is the tenant of the caller.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }

    /// The scope of one tenant, whoever calls: for an operator's tools and for jobs over tenants.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// use caching_tenancy::{TenantId, TenantScope};
    ///
    /// # async fn example(cache: HybridCache) -> Result<(), Box<dyn std::error::Error>> {
    /// let acme = TenantId::parse("acme")?;
    /// cache.in_scope(TenantScope::of(&acme)?).clear().await?.accept_queued();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoScope`] when this process has seen [`MAX_TENANTS`](Self::MAX_TENANTS) others.
    pub fn of(tenant: &TenantId) -> Result<Scope, NoScope> {
        number_of(tenant).map(Scope::Of)
    }

    /// The tenant that a cache's number stands for, such as in its metrics; `None` for
    /// [`ScopeId::SHARED`] and for numbers that were never given.
    #[must_use]
    pub fn tenant_of(id: ScopeId) -> Option<TenantId> {
        interner::global().tenant_of(id)
    }
}

impl KeyScope for TenantScope {
    #[inline]
    fn current(&self) -> Result<ScopeId, NoScope> {
        match tenant::current_scope() {
            Ok(Ok(id)) => Ok(id),
            Ok(Err(full)) => Err(no_scope(full)),
            Err(no_tenant) => Err(no_scope(no_tenant)),
        }
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        if id == ScopeId::SHARED {
            return SHARED_SCOPE_TEXT.into();
        }
        match Self::tenant_of(id) {
            Some(tenant) => text_of(&tenant).into(),
            // `?` is in no tenant's id: a number that nobody was given reads as nobody.
            None => format!("{PREFIX}?{}", id.as_u32()).into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        if text == SHARED_SCOPE_TEXT {
            return Ok(ScopeId::SHARED);
        }
        let name = text.strip_prefix(PREFIX).ok_or_else(|| {
            NoScope::new(format!(
                "a scope is `{SHARED_SCOPE_TEXT}` or `{PREFIX}` and the id of a tenant"
            ))
        })?;
        let tenant = TenantId::parse(name).map_err(no_scope::<TenantIdError>)?;
        number_of(&tenant)
    }

    fn known(&self, text: &str) -> Option<ScopeId> {
        if text == SHARED_SCOPE_TEXT {
            return Some(ScopeId::SHARED);
        }
        let tenant = TenantId::parse(text.strip_prefix(PREFIX)?).ok()?;
        interner::global().known(&tenant)
    }

    fn enter<'a>(&self, id: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        let entered = Self::tenant_of(id).map(|tenant| Entered::known(tenant, id));
        Box::pin(tenant::enter(entered, work))
    }
}

// What an event or a message says of its tenant, without knowing this crate.
impl ScopeText for TenantId {
    fn scope_text(&self) -> Cow<'_, str> {
        text_of(self).into()
    }
}

fn text_of(tenant: &TenantId) -> String {
    format!("{PREFIX}{tenant}")
}

fn number_of(tenant: &TenantId) -> Result<ScopeId, NoScope> {
    interner::global().number_of(tenant).map_err(no_scope)
}

/// Cold, and not inlined into the hit path: making the text allocates.
#[cold]
fn no_scope<E: std::error::Error>(error: E) -> NoScope {
    NoScope::new(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{NoTenant, Tenant};

    const ID: &str = "[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?";

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn number(name: &str) -> ScopeId {
        number_of(&tenant(name)).unwrap()
    }

    #[test]
    fn the_scope_of_a_caller_is_the_number_of_its_tenant() {
        let scope = TenantScope::new();
        let seen = Tenant::sync_scope(tenant("acme"), || scope.current());
        assert_eq!(seen, Ok(number("acme")));
        assert_ne!(number("acme"), number("globex"));
        assert_eq!(
            TenantScope::of(&tenant("acme")),
            Ok(Scope::Of(number("acme")))
        );
    }

    #[test]
    fn a_caller_without_a_tenant_gets_the_way_out_and_no_scope() {
        let error = TenantScope::new().current().unwrap_err();
        assert_eq!(error, NoScope::new(NoTenant::Outside.to_string()));
        assert!(error.to_string().contains("Tenant::scope"), "{error}");
        assert!(error.to_string().contains("Scope::Shared"), "{error}");
    }

    #[test]
    fn all_handles_agree_on_the_number_of_a_tenant() {
        let acme = Tenant::sync_scope(tenant("acme"), || TenantScope::new().current());
        let again = Tenant::sync_scope(tenant("acme"), || TenantScope::default().current());
        assert_eq!(acme, again);
    }

    #[test]
    fn a_tenant_that_is_called_shared_is_a_tenant() {
        let scope = TenantScope::new();
        assert_eq!(scope.parse("shared"), Ok(ScopeId::SHARED));
        let named = scope.parse("t:shared").unwrap();
        assert_ne!(named, ScopeId::SHARED);
        assert_eq!(&*scope.text(named), "t:shared");
        assert_eq!(&*scope.text(ScopeId::SHARED), "shared");
    }

    #[test]
    fn a_number_that_nobody_was_given_reads_as_no_tenant() {
        let scope = TenantScope::new();
        let text = scope.text(ScopeId::new(u32::MAX));
        assert_eq!(&*text, "t:?4294967295");
        assert!(scope.parse(&text).is_err());
        assert_eq!(TenantScope::tenant_of(ScopeId::new(u32::MAX)), None);
    }

    #[test]
    fn what_is_no_text_of_a_scope_is_refused() {
        for text in [
            "", "acme", "t:", "t:Acme", "t:a:b", "T:acme", "t:acme ", "t:t:acme", "shared2",
            "Shared",
        ] {
            assert!(TenantScope::new().parse(text).is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn entering_a_scope_is_working_for_its_tenant() {
        let mut seen = None;
        let work = Box::pin(async {
            tokio::task::yield_now().await;
            seen = Some((Tenant::current(), TenantScope::new().current()));
        });
        TenantScope::new().enter(number("acme"), work).await;
        assert_eq!(seen, Some((Ok(tenant("acme")), Ok(number("acme")))));
    }

    #[tokio::test]
    async fn work_on_what_is_shared_sees_no_tenant_even_inside_one() {
        for nobody in [ScopeId::SHARED, ScopeId::new(u32::MAX)] {
            let mut seen = None;
            Tenant::scope(tenant("acme"), async {
                let work = Box::pin(async { seen = Some(Tenant::current()) });
                TenantScope::new().enter(nobody, work).await;
                assert_eq!(Tenant::current(), Ok(tenant("acme")));
            })
            .await;
            assert_eq!(seen, Some(Err(NoTenant::SharedWork)));
        }
    }

    proptest! {
        #[test]
        fn a_text_names_one_tenant_and_comes_back(first in ID, second in ID) {
            let scope = TenantScope::new();
            for name in [&first, &second] {
                let text = tenant(name).scope_text().into_owned();
                prop_assert_eq!(&*scope.text(scope.parse(&text).unwrap()), &text);
            }
            prop_assert_eq!(number(&first) == number(&second), first == second);
        }

        #[test]
        fn no_text_but_a_tenants_own_is_parsed(text in "(t:|shared|T:)?[a-zA-Z0-9:._ \\n-]{0,12}") {
            let scope = TenantScope::new();
            if let Ok(id) = scope.parse(&text) {
                prop_assert_eq!(&*scope.text(id), &text);
            }
        }
    }
}
