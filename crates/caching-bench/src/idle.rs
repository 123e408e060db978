//! What a pod costs that does nothing: commands a second.

use std::time::Duration;

use caching_testkit::RedisServer;

use crate::Result;
use crate::fixture::cache;

const WATCHED: Duration = Duration::from_secs(5);

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let _pod = cache(&server.url(), "idle", true, false).await?;
    let before = commands(server).await?;
    tokio::time::sleep(WATCHED).await;
    // But for the one that asks.
    let sent = commands(server).await?.saturating_sub(before + 1);
    println!(
        "| | commands a second of an idle pod, those inside of scripts included | {:.1} | | | |",
        sent as f64 / WATCHED.as_secs_f64()
    );
    Ok(())
}

async fn commands(server: &RedisServer) -> Result<u64> {
    let stats = server.info("stats").await?;
    let count = stats.get("total_commands_processed").ok_or("no count")?;
    Ok(count.parse()?)
}
