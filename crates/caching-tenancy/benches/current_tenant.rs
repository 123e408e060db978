//! What the tenant costs: on every hit, and once a request.

use caching_core::KeyScope;
use caching_tenancy::{Tenant, TenantId, TenantScope};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a well-formed id")
}

/// What a cache asks on every hit.
#[divan::bench]
fn scope_of_the_caller(bencher: Bencher<'_, '_>) {
    Tenant::sync_scope(tenant("united-kingdom"), || {
        bencher.bench_local(|| black_box(TenantScope::new()).current());
    });
}

/// What an application asks.
#[divan::bench]
fn tenant_of_the_caller(bencher: Bencher<'_, '_>) {
    Tenant::sync_scope(tenant("united-kingdom"), || {
        bencher.bench_local(Tenant::current);
    });
}

/// Entering a tenant that the process knows: a look-up by name.
#[divan::bench(threads = [1, 2])]
fn enter_a_known_tenant(bencher: Bencher<'_, '_>) {
    let known = tenant("united-kingdom");
    bencher.bench(|| Tenant::sync_scope(known.clone(), || black_box(())));
}

/// The check at the door.
#[divan::bench]
fn parse() -> TenantId {
    tenant(black_box("united-kingdom"))
}
