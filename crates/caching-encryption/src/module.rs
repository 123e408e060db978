//! Encryption as a module of an app host.

use app_host::{
    AppContext, BoxError, Config, ConfigureContext, Dependencies, Enablement, Health, Module,
    async_trait,
};
use caching_core::{CachingModule, HybridCacheBuilder};
use tracing::{info, warn};

use crate::{EncryptionConfig, KeyFiles, PayloadEncryption};

const SECTION: &str = "cache.encryption";

/// Encrypts what the cache of an application stores outside of the process.
///
/// - Without a key the module is disabled, and the reason says so.
/// - With one, every payload of the cache goes through a [`PayloadEncryption`].
/// - `KeyFiles` is a service: a program may ask which key writes, or reload the files at once.
/// - Key files are read again at an interval, by a task that ends with the module. While one of them gives
///   no key, the keys of before stay in use and readiness is degraded.
///
/// Its section is `[cache.encryption]`, an [`EncryptionConfig`].
///
/// ```
/// use app_host::{App, ConfigFormat};
/// use caching_encryption::{CachingEncryptionModule, KeyFiles};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::builder()
///     .module::<CachingEncryptionModule>() // brings the cache along
///     .config_str(
///         ConfigFormat::Toml,
///         r#"cache.encryption.key = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=""#,
///     )
///     .build()
///     .await?;
/// let files = app.services().get::<KeyFiles>()?;
/// assert_eq!(files.ring().keys().active().as_str(), "default");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CachingEncryptionModule;

#[async_trait]
impl Module for CachingEncryptionModule {
    fn name(&self) -> &'static str {
        "caching-encryption"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn sections(&self) -> &'static [&'static str] {
        &[SECTION]
    }

    fn enablement(&self, config: &Config) -> Enablement {
        // What cannot be read is reported by `configure`.
        match config.section::<EncryptionConfig>(SECTION) {
            Ok(config) if !config.is_wanted() => Enablement::disabled(why_disabled(&config)),
            _ => Enablement::Enabled,
        }
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: EncryptionConfig = cx.section(SECTION)?;
        let files = KeyFiles::read(&config)?;
        if config.migrate_from_plaintext {
            warn!(
                "`{SECTION}.migrate_from_plaintext` is on: values without encryption are read, and \
                 whoever can write to the store can put them there; switch it off once the old ones are gone"
            );
        }
        if !aes::hardware_accelerated() {
            warn!("this processor has no instructions for AES; encryption takes many times longer");
        }
        if files.has_files() {
            let files = files.clone();
            cx.health_check("encryption-keys", move |_| {
                let health = health(&files);
                async { health }
            });
        }
        let encryption = PayloadEncryption::new(files.ring().clone())
            .migrate_from_plaintext(config.migrate_from_plaintext);
        cx.contribute::<HybridCacheBuilder>(|cache| Ok(cache.payload_transform(encryption)));
        cx.provide_value(files);
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        let files = cx.services().get::<KeyFiles>()?;
        info!(active = %files.ring().keys().active(), "what leaves the process is encrypted");
        if files.has_files() {
            let shutdown = cx.shutdown().clone();
            // The host owns the task: it ends when this module stops, and is waited for.
            cx.spawn(async move {
                shutdown.run_until_cancelled(files.watch()).await;
            });
        }
        Ok(())
    }
}

fn why_disabled(config: &EncryptionConfig) -> String {
    if config.enabled != Some(false) {
        return format!("neither `{SECTION}.key` nor `{SECTION}.keys` is set");
    }
    if config.has_key() {
        // The one step that a disabled module has; asked once.
        warn!(
            "`{SECTION}.enabled` is false beside a key: the key is not used, and nothing is encrypted"
        );
        return format!("`{SECTION}.enabled` is false, so the key beside it is not used");
    }
    format!("`{SECTION}.enabled` is false")
}

/// For whoever may ask for readiness: without names of files.
fn health(files: &KeyFiles) -> Health {
    match files.problem() {
        None => Health::Up,
        Some(_) => Health::degraded(
            "a key file gives no key, so the keys of before stay in use; the log has the reason",
        ),
    }
}
