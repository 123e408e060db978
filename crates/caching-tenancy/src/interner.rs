//! A small number for each tenant that this process has worked for.

use std::hash::RandomState;
use std::sync::{LazyLock, Mutex, PoisonError};

use caching_core::ScopeId;
use papaya::HashMap;

use crate::TenantId;

/// How many tenants one process may work for in its life.
///
/// Numbers are never given back: an entry of the tenant may be in a cache still. So this bounds the
/// memory (some 200 bytes a tenant) that somebody who makes up tenants can take.
pub(crate) const MAX_TENANTS: u32 = 1_000_000;

/// Tenants by number and numbers by tenant.
///
/// There is one for the process and none for each cache, on purpose. A number means the same tenant
/// everywhere, so a [`ScopeId`] that strays from one cache or application to another still names the
/// tenant that it was made for; with a table each, it would name somebody else. Nothing but the
/// numbering is shared: caches keep their own entries.
pub(crate) struct Interner {
    numbers: HashMap<TenantId, ScopeId, RandomState>,
    tenants: HashMap<ScopeId, TenantId, RandomState>,
    /// The last number that was given. Reads of the maps take no lock; this one is taken once for
    /// each new tenant, so that two threads cannot give it two numbers.
    last: Mutex<u32>,
    limit: u32,
}

/// The one of the process.
pub(crate) fn global() -> &'static Interner {
    static GLOBAL: LazyLock<Interner> = LazyLock::new(|| Interner::with_limit(MAX_TENANTS));
    &GLOBAL
}

impl Interner {
    fn with_limit(limit: u32) -> Self {
        Self {
            numbers: HashMap::new(),
            tenants: HashMap::new(),
            last: Mutex::new(ScopeId::SHARED.as_u32()),
            limit,
        }
    }

    /// The number of a tenant, given to it now if it has none.
    pub(crate) fn number_of(&self, tenant: &TenantId) -> Result<ScopeId, TooManyTenants> {
        if let Some(number) = self.numbers.pin().get(tenant) {
            return Ok(*number);
        }
        self.give_number(tenant)
    }

    /// The number of a tenant, if it was given one.
    pub(crate) fn known(&self, tenant: &TenantId) -> Option<ScopeId> {
        self.numbers.pin().get(tenant).copied()
    }

    /// The tenant with a number, if one was given it.
    pub(crate) fn tenant_of(&self, number: ScopeId) -> Option<TenantId> {
        self.tenants.pin().get(&number).cloned()
    }

    #[cold]
    fn give_number(&self, tenant: &TenantId) -> Result<ScopeId, TooManyTenants> {
        // Nothing under the lock can leave the number half-written, so a poisoned one is as good.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = self.numbers.pin();
        if let Some(number) = numbers.get(tenant) {
            return Ok(*number);
        }
        if *last >= self.limit {
            return Err(TooManyTenants { limit: self.limit });
        }
        *last += 1;
        let number = ScopeId::new(*last);
        // The tenant first: whoever can see a number can also look it up.
        self.tenants.pin().insert(number, tenant.clone());
        numbers.insert(tenant.clone(), number);
        Ok(number)
    }
}

/// This process has worked for as many tenants as it can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process has seen {limit} tenants and takes no new ones until it is restarted; \
     refuse tenants that do not exist with a `TenantDirectory`"
)]
pub(crate) struct TooManyTenants {
    limit: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[test]
    fn a_tenant_has_one_number_and_a_number_one_tenant() {
        let interner = Interner::with_limit(10);
        let acme = interner.number_of(&tenant("acme")).unwrap();
        let globex = interner.number_of(&tenant("globex")).unwrap();
        assert_eq!(acme, ScopeId::new(1));
        assert_ne!(acme, globex);
        assert_eq!(interner.number_of(&tenant("acme")), Ok(acme));
        assert_eq!(interner.tenant_of(acme), Some(tenant("acme")));
        assert_eq!(interner.tenant_of(ScopeId::SHARED), None);
        assert_eq!(interner.tenant_of(ScopeId::new(99)), None);
    }

    #[test]
    fn who_only_looks_a_tenant_up_gives_it_no_number() {
        let interner = Interner::with_limit(1);
        assert_eq!(interner.known(&tenant("globex")), None);
        let acme = interner.number_of(&tenant("acme")).unwrap();
        assert_eq!(interner.known(&tenant("acme")), Some(acme));
    }

    #[test]
    fn past_the_limit_new_tenants_are_refused_and_old_ones_go_on() {
        let interner = Interner::with_limit(2);
        let acme = interner.number_of(&tenant("acme"));
        assert!(interner.number_of(&tenant("globex")).is_ok());
        for name in ["made-up-1", "made-up-2"] {
            assert_eq!(
                interner.number_of(&tenant(name)),
                Err(TooManyTenants { limit: 2 })
            );
        }
        assert_eq!(interner.number_of(&tenant("acme")), acme);
    }

    #[test]
    fn whoever_comes_second_to_the_lock_gets_the_number_that_the_first_was_given() {
        let interner = Interner::with_limit(10);
        // Both have looked in vain before either holds the lock.
        let first = interner.give_number(&tenant("acme"));
        assert_eq!(interner.give_number(&tenant("acme")), first);
    }

    #[test]
    fn threads_that_meet_the_same_new_tenants_agree_on_their_numbers() {
        let interner = Interner::with_limit(1_000);
        let names: Vec<_> = (0..500).map(|n| tenant(&format!("tenant-{n}"))).collect();
        let number_all = || -> Vec<_> {
            names
                .iter()
                .map(|name| interner.number_of(name).unwrap())
                .collect()
        };
        let by_thread: Vec<Vec<ScopeId>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(number_all)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(by_thread.iter().all(|numbers| *numbers == by_thread[0]));
        let different: HashSet<_> = by_thread[0].iter().collect();
        assert_eq!(different.len(), names.len());
        for (name, number) in names.iter().zip(&by_thread[0]) {
            assert_eq!(interner.tenant_of(*number).as_ref(), Some(name));
        }
    }
}
