//! The way in which a flag changes: one transaction and, after its commit, one event.

use caching_events::{CommitError, EventBus};

use super::{
    Feature, FeatureBody, FlagScope,
    events::{FeatureValueChanged, FlagOwner},
};
use crate::{
    database::{Database, DatabaseError},
    tenants::TenantId,
};

/// Why a flag cannot be set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The database refused.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for FeatureError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<CommitError<DatabaseError>> for FeatureError {
    fn from(error: CommitError<DatabaseError>) -> Self {
        Self::Database(error.into())
    }
}

/// Changes flags.
#[derive(Clone, Debug)]
pub struct FeatureCommands {
    database: Database,
    bus: EventBus,
}

impl FeatureCommands {
    /// Changes flags in this database and tells this bus.
    pub fn new(database: Database, bus: EventBus) -> Self {
        Self { database, bus }
    }

    /// Sets a flag, for the tenant or for every tenant that has not set its own.
    ///
    /// Anybody may change what holds for everybody: the sample has no operators that it could tell from
    /// tenants.
    ///
    /// # Errors
    ///
    /// [`FeatureError`] when the database refuses.
    pub async fn set(
        &self,
        tenant: &TenantId,
        name: String,
        body: FeatureBody,
    ) -> Result<Feature, FeatureError> {
        let (row, owner) = match body.scope {
            FlagScope::Tenant => (tenant.as_str(), FlagOwner::Tenant(tenant.clone())),
            FlagScope::Global => ("", FlagOwner::Everybody),
        };
        let mut work = self.bus.begin(self.database.write("feature_set").await?);
        sqlx::query(
            "INSERT INTO feature (name, tenant, enabled) VALUES (?1, ?2, ?3)
             ON CONFLICT (name, tenant) DO UPDATE SET enabled = excluded.enabled",
        )
        .bind(&name)
        .bind(row)
        .bind(body.enabled)
        .execute(&mut **work.tx())
        .await?;
        work.raise(FeatureValueChanged {
            owner,
            name: name.clone(),
            enabled: body.enabled,
        });
        work.commit().await?;
        Ok(Feature {
            name,
            enabled: body.enabled,
            scope: body.scope,
        })
    }
}
