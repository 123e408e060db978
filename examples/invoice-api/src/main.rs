//! Serves the invoice API, or imports a data set.

use std::process::ExitCode;

use invoice_api::cli::{Cli, explain};

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::read().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", explain(&*error));
            ExitCode::FAILURE
        }
    }
}
