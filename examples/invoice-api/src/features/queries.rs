//! The statement that reads flags.

use crate::{
    database::{Database, DatabaseError},
    tenants::TenantId,
};

/// Reads flags from the database, one query a call.
#[derive(Clone, Debug)]
pub struct FeatureQueries {
    database: Database,
}

impl FeatureQueries {
    /// Reads from this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// A tenant's own value.
    pub async fn of_tenant(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<bool>, DatabaseError> {
        self.select("feature_of_tenant", tenant.as_str(), name)
            .await
    }

    /// The value of everybody.
    pub async fn of_everybody(&self, name: &str) -> Result<Option<bool>, DatabaseError> {
        self.select("feature_of_everybody", "", name).await
    }

    async fn select(
        &self,
        query: &'static str,
        tenant: &str,
        name: &str,
    ) -> Result<Option<bool>, DatabaseError> {
        let value =
            sqlx::query_scalar("SELECT enabled FROM feature WHERE name = ?1 AND tenant = ?2")
                .bind(name)
                .bind(tenant)
                .fetch_optional(self.database.reads(query))
                .await?;
        Ok(value)
    }
}
