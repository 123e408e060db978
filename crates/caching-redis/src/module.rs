//! Redis as a module of an app host.

use app_host::{
    BoxError, Config, ConfigureContext, Dependencies, Enablement, Health, Module, async_trait,
};
use caching_core::{CachingModule, HybridCacheBuilder};

use crate::config::Connections;
use crate::{LinkStatus, RedisConfig, RedisLink};

const SECTION: &str = "cache.redis";
const CONNECTIONS: &str = "connections";

/// Gives the cache of an application a shared level and a backplane on Redis.
///
/// - Without a server in the configuration the module is disabled, and the reason says so; with
///   `required = true` the application is not built.
/// - With a server that is down it is enabled: the cache works without, readiness is degraded, and it
///   connects as soon as the server is there.
/// - [`RedisLink`] is a service: a program may ask it how it is.
///
/// Its section is `[cache.redis]`, a [`RedisConfig`]; connection strings may stand apart, in
/// `[connections.NAME]`.
///
/// ```
/// use app_host::{App, ConfigFormat};
/// use caching_redis::{CachingRedisModule, LinkStatus, RedisLink};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::builder()
///     .module::<CachingRedisModule>() // brings the cache along
///     .config_str(
///         ConfigFormat::Toml,
///         r#"
///         cache.redis.url = "redis://127.0.0.1:6379"
///         cache.encryption.allow_plaintext = true  # or `CachingEncryptionModule` and a key
///         "#,
///     )
///     .build()
///     .await?;
/// let link = app.services().get::<RedisLink>()?;
/// assert!(matches!(link.status(), LinkStatus::Idle)); // nobody has needed it yet
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CachingRedisModule;

#[async_trait]
impl Module for CachingRedisModule {
    fn name(&self) -> &'static str {
        "caching-redis"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn sections(&self) -> &'static [&'static str] {
        &[SECTION, CONNECTIONS]
    }

    fn enablement(&self, config: &Config) -> Enablement {
        // What cannot be read, and what is required and absent, is reported by `configure`.
        match config.section::<RedisConfig>(SECTION) {
            Ok(config) if !config.names_a_server() && !config.required => {
                Enablement::disabled(format!("`{SECTION}.url` is not set"))
            }
            _ => Enablement::Enabled,
        }
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let mut config: RedisConfig = cx.section(SECTION)?;
        let connections: Connections = cx.section(CONNECTIONS)?;
        let application = cx.app_name().to_owned();
        config.application.get_or_insert(application);
        let link = RedisLink::with_connections(&config, &connections)?;
        let asked = link.clone();
        cx.health_check("redis", move |_| {
            let health = health(&asked.status());
            async { health }
        });
        let (l2, backplane) = (link.l2(), link.backplane());
        cx.contribute::<HybridCacheBuilder>(move |cache| {
            let cache = cache.l2(l2).backplane(backplane);
            Ok(cache.levels_beside(move || {
                // Of its own: a link is of one deployment.
                let link = RedisLink::with_connections(&config, &connections)?;
                Ok((link.l2(), link.backplane()))
            }))
        });
        cx.provide_value(link);
        Ok(())
    }
}

/// For whoever may ask for readiness: without names of hosts.
fn health(status: &LinkStatus) -> Health {
    match status {
        LinkStatus::Idle | LinkStatus::Connected => Health::Up,
        LinkStatus::Connecting => Health::degraded("connecting to Redis"),
        LinkStatus::Down(_) => Health::degraded(
            "there is no connection to Redis, so that the cache works without; the log has the reason",
        ),
        LinkStatus::Closed => Health::degraded("the connections to Redis were closed"),
    }
}
