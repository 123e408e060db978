//! Whose turn it is: a tenant from around the task, as in a server.

use std::sync::Arc;

use caching_core::{BoxFuture, KeyScope, NoScope, ScopeId};

tokio::task_local! {
    static TENANT: u32;
}

/// Scopes by a task-local.
pub struct OfTask;

/// Does something as a tenant.
pub fn as_tenant<R>(tenant: u32, work: impl FnOnce() -> R) -> R {
    TENANT.sync_scope(tenant, work)
}

/// Who it is that acts; nobody where no tenant was set.
pub fn acting() -> Option<u32> {
    TENANT.try_with(|tenant| *tenant).ok()
}

impl KeyScope for OfTask {
    fn current(&self) -> Result<ScopeId, NoScope> {
        let tenant = acting().ok_or_else(|| NoScope::new("call it as a tenant"))?;
        Ok(ScopeId::new(tenant))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        format!("t:{}", id.as_u32()).into()
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        let number = text.strip_prefix("t:").and_then(|id| id.parse().ok());
        number.map(ScopeId::new).ok_or_else(|| NoScope::new("t:1"))
    }

    fn enter<'a>(&self, id: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        Box::pin(TENANT.scope(id.as_u32(), work))
    }
}
