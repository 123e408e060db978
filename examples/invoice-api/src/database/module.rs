//! The database as a module.

use app_host::{AppContext, BoxError, ConfigureContext, Dependencies, Health, Module, async_trait};

use super::{Database, DatabaseConfig, QueryCounter};
use crate::telemetry::{MetricsBuilder, TelemetryModule};

/// Provides the [`Database`] of the section `[database]`, and opens and closes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatabaseModule;

#[async_trait]
impl Module for DatabaseModule {
    fn name(&self) -> &'static str {
        "database"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<TelemetryModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: DatabaseConfig = cx.section("database")?;
        let queries = QueryCounter::default();
        cx.provide_value(Database::new(&config, queries.clone()));
        cx.contribute::<MetricsBuilder>(move |metrics| {
            Ok(metrics.register(
                "database_queries",
                "Statements sent to the database, by what they are for",
                queries.family(),
            ))
        });
        cx.health_check("database", |services| async move {
            let Some(database) = services.try_get::<Database>() else {
                return Health::down("there is no database");
            };
            match database.ping().await {
                Ok(()) => Health::Up,
                Err(error) => {
                    tracing::warn!(%error, "the database does not answer");
                    Health::down("it does not answer")
                }
            }
        });
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        let database = cx.services().get::<Database>()?;
        database.open().await?;
        tracing::info!(path = %database.path().display(), "database open");
        Ok(())
    }

    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        cx.services().get::<Database>()?.close().await;
        Ok(())
    }
}
