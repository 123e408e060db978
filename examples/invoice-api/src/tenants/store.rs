//! The statements of the tenants' table.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::TenantId;
use crate::database::{Database, DatabaseError};

/// All tenants.
pub(super) async fn all(database: &Database) -> Result<BTreeSet<TenantId>, DatabaseError> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM tenant")
        .fetch_all(database.reads("tenants"))
        .await?;
    ids.into_iter()
        .map(|id| {
            TenantId::try_from(id)
                .map_err(|error| DatabaseError::Corrupt(format!("tenant id: {error}")))
        })
        .collect()
}

/// Makes a tenant known; one that is known stays as it is.
pub(crate) async fn add(
    transaction: &mut SqliteConnection,
    tenant: &TenantId,
    name: &str,
) -> Result<(), DatabaseError> {
    sqlx::query("INSERT OR IGNORE INTO tenant (id, name) VALUES (?1, ?2)")
        .bind(tenant.as_str())
        .bind(name)
        .execute(transaction)
        .await?;
    Ok(())
}
