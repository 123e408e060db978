//! The command line.

use std::{
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
};

use app_host::{App, BoxError, Environment};
use caching_events::EventBus;
use clap::{Parser, Subcommand};

use crate::{
    app,
    database::Database,
    import::{Console, ImportReport, import},
    telemetry,
};

/// Where the settings are looked for: beside the program's sources, and from the root of the workspace.
const CONFIG_DIRS: [&str; 2] = ["config", "examples/invoice-api/config"];

/// A multi-tenant invoice API.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// The folder of the settings: default.toml, and what wins over it.
    #[arg(long, value_name = "DIR", global = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API; what happens without a command.
    Serve,
    /// Imports the Online Retail data set, packed with zstd or plain.
    Import {
        /// The file, FILE.csv or FILE.csv.zst.
        file: PathBuf,
    },
}

impl Cli {
    /// Reads the command line; ends the program where it cannot be understood.
    pub fn read() -> Self {
        Self::parse()
    }

    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being done, in words for people.
    pub async fn run(self) -> Result<(), BoxError> {
        telemetry::init_logs(&environment());
        let mut builder = app();
        if let Some(dir) = self.config.or_else(config_dir) {
            builder = builder.config_dir(dir);
        }
        let app = builder.build().await?;
        match self.command {
            None | Some(Command::Serve) => Ok(app.run().await?),
            Some(Command::Import { file }) => run_import(&app, &file).await,
        }
    }
}

async fn run_import(app: &App, file: &Path) -> Result<(), BoxError> {
    app.start().await?;
    let outcome = import_into(app, file).await;
    app.stop().await;
    let report = outcome?;
    writeln!(
        io::stdout(),
        "imported {} invoices with {} lines; skipped {} rows, refused {} invoices",
        report.invoices,
        report.lines,
        report.skipped,
        report.refused
    )?;
    Ok(())
}

async fn import_into(app: &App, file: &Path) -> Result<ImportReport, BoxError> {
    let database = app.services().get::<Database>()?;
    let bus = app.services().get::<EventBus>()?;
    let mut console = Console::new();
    let outcome = import(&database, &bus, file, &mut console).await;
    console.finish();
    Ok(outcome?)
}

/// The first folder that has settings; the program's own defaults hold where none has.
fn config_dir() -> Option<PathBuf> {
    CONFIG_DIRS
        .iter()
        .map(PathBuf::from)
        .find(|dir| dir.join("default.toml").is_file())
}

/// As the host reads it. A name that it will refuse logs as production does until then.
fn environment() -> Environment {
    std::env::var("APP_ENVIRONMENT")
        .ok()
        .and_then(|name| name.parse().ok())
        .unwrap_or_default()
}

/// An error with all its causes, one a line.
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors repeat their cause in their own words.
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str("\n  because: ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
