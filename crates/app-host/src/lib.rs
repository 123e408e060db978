//! Hosts an application made of modules.
//!
//! An application is a list of modules. The host orders them by their dependencies, binds their
//! configuration, lets each say whether it is enabled, builds the services once, starts the modules in
//! order and stops them in reverse.
//!
//! ```
//! use app_host::{App, BoxError, ConfigFormat, ConfigureContext, Module};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! struct GreetingConfig {
//!     text: String,
//! }
//!
//! impl Default for GreetingConfig {
//!     fn default() -> Self {
//!         Self { text: "hello".into() }
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Greeting(String);
//!
//! #[derive(Default)]
//! struct GreetingModule;
//!
//! impl Module for GreetingModule {
//!     fn name(&self) -> &'static str {
//!         "greeting"
//!     }
//!
//!     fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
//!         let config: GreetingConfig = cx.section("greeting")?;
//!         cx.provide_value(Greeting(config.text));
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let app = App::builder()
//!     .module::<GreetingModule>()
//!     .config_str(ConfigFormat::Toml, "greeting.text = \"good morning\"")
//!     .build()
//!     .await?; // everything that can be wrong is found here, all of it at once
//!
//! app.start().await?;
//! assert_eq!(app.services().get::<Greeting>()?.0, "good morning");
//! app.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! A program calls [`App::run`] instead of `start` and `stop`: it serves HTTP when a module brought
//! routes, and stops on SIGTERM or Ctrl-C.
//!
//! # Features
//!
//! | feature | on by default | what |
//! | --- | --- | --- |
//! | `http` | yes | routes, health endpoints and a server for them, on axum |

mod app;
mod assembly;
mod builder;
mod config;
mod configure;
mod context;
mod dependencies;
mod enablement;
mod error;
mod health;
#[cfg(feature = "http")]
mod http;
mod lifecycle;
mod made;
mod module;
mod panic;
mod readiness;
mod report;
mod service;
mod signal;
mod type_name;

pub use async_trait::async_trait;

pub use crate::app::App;
pub use crate::builder::AppBuilder;
pub use crate::config::bytes;
pub use crate::config::duration;
pub use crate::config::environment::{Environment, EnvironmentName, InvalidEnvironment};
pub use crate::config::error::{ConfigError, ConfigProblem};
pub use crate::config::secret::Secret;
pub use crate::config::settings::{AppConfig, ServerConfig};
pub use crate::config::{Config, ConfigFormat};
pub use crate::configure::ConfigureContext;
pub use crate::context::AppContext;
pub use crate::dependencies::Dependencies;
pub use crate::enablement::{EnabledModules, Enablement};
pub use crate::error::{BuildError, BuildErrors, RunError, StartError};
pub use crate::health::Health;
#[cfg(feature = "http")]
pub use crate::http::running::RunningApp;
pub use crate::lifecycle::stop_report::{ModuleStop, StopOutcome, StopReport};
pub use crate::module::{Module, ModuleId};
pub use crate::panic::Panicked;
pub use crate::readiness::{CheckHealth, HealthReport, ModuleHealth};
pub use crate::report::{AppReport, ModuleReport};
pub use crate::service::{MissingService, ServiceBuilder, Services, WeakServices};
pub use crate::signal::shutdown_signal;

/// Any error, as modules return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The code of the guide compiles and runs.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../docs/guides/modules.md")]
struct ModulesGuide;
