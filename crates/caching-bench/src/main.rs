//! Measures the shared level against bare commands on the same Redis server.
//!
//! `cargo xtask bench redis` runs it in the release profile, all of it or the scenes that are named. Each number is the median of several
//! rounds in which ours and the bare commands take turns, since a machine drifts.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

mod bare;
mod cold;
mod fixture;
mod hit;
mod idle;
mod invalidation;
mod many;
mod propagation;
mod rate;

use std::error::Error;

/// Any error ends the run.
type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured, in this order.
const SCENES: [&str; 6] = [
    "hits",
    "many",
    "invalidations",
    "cold",
    "propagation",
    "idle",
];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [role, url] if role == "listen" => return propagation::listen(url).await,
        [role, url] if role == "listen-bare" => return propagation::listen_bare(url).await,
        _ => {}
    }
    if let Some(unknown) = arguments
        .iter()
        .find(|name| !SCENES.contains(&name.as_str()))
    {
        return Err(format!("there is no scene {unknown}; there are {SCENES:?}").into());
    }
    let server = caching_testkit::RedisServer::start().await?;
    println!(
        "Redis {}\n",
        server.version().unwrap_or("of unknown version")
    );
    println!("| | what | ours | bare | ratio | target |\n| --- | --- | --- | --- | --- | --- |");
    for scene in SCENES {
        if !arguments.is_empty() && !arguments.iter().any(|name| name == scene) {
            continue;
        }
        match scene {
            "hits" => hit::measure(&server).await?,
            "many" => many::measure(&server).await?,
            "invalidations" => invalidation::measure(&server).await?,
            "cold" => cold::measure(&server).await?,
            "propagation" => propagation::measure(&server).await?,
            _ => idle::measure(&server).await?,
        }
    }
    Ok(())
}
