//! The tenant that a task works for.

use std::future::Future;

use caching_core::ScopeId;
use tokio::task::JoinHandle;

use crate::TenantId;
use crate::interner::{self, TooManyTenants};

tokio::task_local! {
    /// Unset outside of any tenant; `None` in work that belongs to everybody.
    static CURRENT: Option<Entered>;
}

/// A tenant with the number that caches know it by, so that a hit reads the number and clones nothing.
#[derive(Clone)]
pub(crate) struct Entered {
    tenant: TenantId,
    scope: Result<ScopeId, TooManyTenants>,
}

/// The tenant of the running task.
///
/// It is carried by the task, so that nobody has to pass it from function to function. A task that was
/// spawned works for nobody until somebody says so: [`Tenant::spawn`] and [`Tenant::carry`] take the
/// tenant along.
///
/// ```
/// use caching_tenancy::{Tenant, TenantId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let acme = TenantId::parse("acme")?;
/// let seen = Tenant::scope(acme.clone(), async { Tenant::current() }).await?;
/// assert_eq!(seen, acme);
///
/// assert!(Tenant::current().is_err()); // never a default
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Tenant {}

impl Tenant {
    /// Runs `work` for a tenant, also where the caller works for another or for none.
    ///
    /// A cache asks for the tenant when one of its functions is *called*, so call it inside:
    ///
    /// ```
    /// # use caching_core::{CacheError, HybridCache};
    /// # use caching_tenancy::{Tenant, TenantId, TenantScope};
    /// # async fn example(cache: HybridCache, acme: TenantId) -> Result<(), CacheError> {
    /// // Right: `get` is called in the tenant.
    /// let value = Tenant::scope(acme, async { cache.get::<_, String>("motd").await }).await?;
    /// // Wrong: `Tenant::scope(acme, cache.remove("motd"))` calls `remove` in the caller's tenant.
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(tenant: TenantId, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(Some(Entered::new(tenant)), work)
    }

    /// Runs `work`, which does not await, for a tenant: in `spawn_blocking`, in a thread, in a test.
    pub fn sync_scope<R>(tenant: TenantId, work: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Some(Entered::new(tenant)), work)
    }

    /// The tenant that the caller works for.
    ///
    /// # Errors
    ///
    /// [`NoTenant`] when there is none; it says how to get one.
    pub fn current() -> Result<TenantId, NoTenant> {
        current(|entered| entered.tenant.clone())
    }

    /// Spawns a task that works for the tenant of the caller, or for none if the caller has none.
    ///
    /// The task is tokio's: whoever holds the handle owns it, and it goes on when the handle is
    /// dropped. For a `JoinSet` or another owner of tasks use [`Tenant::carry`].
    ///
    /// # Panics
    ///
    /// As [`tokio::spawn`]: outside of a tokio runtime.
    pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(Self::carry(work))
    }

    /// A future that works for the tenant that calls this, wherever it is polled.
    ///
    /// ```
    /// use caching_tenancy::{Tenant, TenantId};
    /// use tokio::task::JoinSet;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut tasks = JoinSet::new();
    /// Tenant::sync_scope(TenantId::parse("acme")?, || {
    ///     tasks.spawn(Tenant::carry(async { Tenant::current() }));
    /// });
    /// assert_eq!(tasks.join_all().await, [Ok(TenantId::parse("acme")?)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
        let entered = CURRENT.try_with(Clone::clone).ok().flatten();
        CURRENT.scope(entered, work)
    }
}

impl Entered {
    fn new(tenant: TenantId) -> Self {
        let scope = interner::global().number_of(&tenant);
        Self { tenant, scope }
    }

    /// A tenant whose number is known already.
    pub(crate) const fn known(tenant: TenantId, scope: ScopeId) -> Self {
        Self {
            tenant,
            scope: Ok(scope),
        }
    }
}

/// The number of the caller's tenant: one read of the task-local, since every hit asks.
#[inline]
pub(crate) fn current_scope() -> Result<Result<ScopeId, TooManyTenants>, NoTenant> {
    current(|entered| entered.scope)
}

/// Runs `work` in a tenant, or explicitly in none.
pub(crate) fn enter<F: Future>(
    entered: Option<Entered>,
    work: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(entered, work)
}

/// `read` must not poll or call anything of others: the task-local is borrowed meanwhile.
#[inline]
fn current<R>(read: impl FnOnce(&Entered) -> R) -> Result<R, NoTenant> {
    match CURRENT.try_with(|entered| entered.as_ref().map(read)) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(NoTenant::SharedWork),
        Err(_) => Err(NoTenant::Outside),
    }
}

/// The caller works for no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTenant {
    /// Nobody has said which tenant the caller works for.
    #[error(
        "no tenant in scope; wrap the call in `Tenant::scope`, put `TenantLayer` around the route, \
         spawn with `Tenant::spawn`, or use `Scope::Shared` for what belongs to everybody"
    )]
    Outside,

    /// The caller is work that belongs to everybody, such as the factory of a shared key.
    #[error(
        "no tenant in scope, because this is work on what belongs to everybody; \
         make the key a tenant's own, or wrap the call in `Tenant::scope`"
    )]
    SharedWork,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn the_inner_tenant_hides_the_outer_one_until_it_ends() {
        Tenant::scope(tenant("outer"), async {
            let inner = Tenant::scope(tenant("inner"), async { Tenant::current() }).await;
            assert_eq!(inner, Ok(tenant("inner")));
            assert_eq!(Tenant::current(), Ok(tenant("outer")));
            let inner = Tenant::sync_scope(tenant("inner"), Tenant::current);
            assert_eq!(inner, Ok(tenant("inner")));
            assert_eq!(Tenant::current(), Ok(tenant("outer")));
        })
        .await;
        assert_eq!(Tenant::current(), Err(NoTenant::Outside));
    }

    #[tokio::test]
    async fn a_tenant_survives_every_await() {
        Tenant::scope(tenant("acme"), async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                assert_eq!(Tenant::current(), Ok(tenant("acme")));
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_plain_spawn_works_for_nobody_and_ours_for_the_caller() {
        Tenant::scope(tenant("acme"), async {
            let plain = tokio::spawn(async { Tenant::current() });
            assert_eq!(plain.await.unwrap(), Err(NoTenant::Outside));
            let carried = Tenant::spawn(async { Tenant::current() });
            assert_eq!(carried.await.unwrap(), Ok(tenant("acme")));
        })
        .await;
        let without = Tenant::spawn(async { Tenant::current().is_err() });
        assert!(without.await.unwrap());
    }

    #[tokio::test]
    async fn a_carried_future_keeps_the_tenant_of_where_it_was_made() {
        let carried = Tenant::sync_scope(tenant("acme"), || {
            Tenant::carry(async { Tenant::current() })
        });
        let seen = Tenant::scope(tenant("globex"), carried).await;
        assert_eq!(seen, Ok(tenant("acme")));
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_half_way_is_dropped_in_its_tenant() {
        struct SeenAtDrop<'a>(&'a mut Option<TenantId>);
        impl Drop for SeenAtDrop<'_> {
            fn drop(&mut self) {
                *self.0 = Tenant::current().ok();
            }
        }
        let mut seen = None;
        {
            let guard = SeenAtDrop(&mut seen);
            let mut work = Box::pin(Tenant::scope(tenant("acme"), async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }));
            let first = std::future::poll_fn(|cx| std::task::Poll::Ready(work.as_mut().poll(cx)));
            assert!(first.await.is_pending());
        }
        assert_eq!(seen, Some(tenant("acme")));
    }

    #[tokio::test]
    async fn a_panic_leaves_no_tenant_behind() {
        let work = Tenant::spawn(Tenant::scope(tenant("acme"), async {
            if Tenant::current().is_ok() {
                panic!("on purpose");
            }
        }));
        assert!(work.await.unwrap_err().is_panic());
        assert_eq!(Tenant::current(), Err(NoTenant::Outside));
    }
}
