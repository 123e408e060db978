//! Measures the shared level against bare commands on the same Redis server.
//!
//! `cargo xtask bench redis` runs it in the release profile. Each number is the median of several
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

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    if let Some(role) = arguments.next() {
        let url = arguments.next().ok_or("the URL is missing")?;
        return match role.as_str() {
            "listen" => propagation::listen(&url).await,
            "listen-bare" => propagation::listen_bare(&url).await,
            _ => Err("this program takes no arguments but its own".into()),
        };
    }
    let server = caching_testkit::RedisServer::start().await?;
    println!(
        "Redis {}\n",
        server.version().unwrap_or("of unknown version")
    );
    println!("| | what | ours | bare | ratio | target |\n| --- | --- | --- | --- | --- | --- |");
    hit::measure(&server).await?;
    many::measure(&server).await?;
    invalidation::measure(&server).await?;
    cold::measure(&server).await?;
    propagation::measure(&server).await?;
    idle::measure(&server).await
}
