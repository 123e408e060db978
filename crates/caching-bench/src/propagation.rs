//! How long an invalidation takes to another process, beside a bare message.

use std::process::Stdio;
use std::time::Duration;

use caching_testkit::RedisServer;
use deadpool_redis::redis::{Client, cmd};
use futures::StreamExt;
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::Result;
use crate::bare::Bare;
use crate::fixture::{Invoice, InvoiceKey, cache};

const ROUNDS: u64 = 400;
const CHANNEL: &str = "bare:notices";
const PREFIX: &str = "propagation";

/// Nanoseconds on the machine's monotonic clock, which all processes share.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn key(number: u64) -> InvoiceKey {
    InvoiceKey { caller: 0, number }
}

pub(crate) async fn measure(server: &RedisServer) -> Result {
    let url = server.url();
    let bare = {
        let (_child, mut lines) = listener("listen-bare", &url).await?;
        let sender = Bare::connect(&url).await?;
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let sent_at = now();
            sender.run(0, cmd("PUBLISH").arg(CHANNEL).arg("x")).await?;
            took.push(heard(&mut lines).await?.saturating_sub(sent_at));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took
    };
    let ours = {
        let cache = cache(&url, PREFIX, true, false).await?;
        let (_child, mut lines) = listener("listen", &url).await?;
        let mut took = Vec::new();
        for number in 0..ROUNDS {
            // The listener has loaded the key, and waits for it to go.
            lines.next_line().await?;
            let sent_at = now();
            cache.remove(&key(number)).await?.accept_queued();
            took.push(heard(&mut lines).await?.saturating_sub(sent_at));
        }
        took
    };
    let (ours, bare) = (Quantiles::of(ours), Quantiles::of(bare));
    let ratio = ours.p50.as_secs_f64() / bare.p50.as_secs_f64();
    println!(
        "| P10 | an invalidation to another process, p50 (p99) | {:?} ({:?}) | {:?} ({:?}) | {ratio:.2} | ≤ 2 {} |",
        ours.p50,
        ours.p99,
        bare.p50,
        bare.p99,
        if ratio <= 2.0 { "✓" } else { "✗" }
    );
    Ok(())
}

struct Quantiles {
    p50: Duration,
    p99: Duration,
}

impl Quantiles {
    fn of(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        let at = |share: f64| {
            let at = (nanos.len() as f64 * share) as usize;
            Duration::from_micros(nanos.get(at).copied().unwrap_or_default() / 1000)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

async fn listener(role: &str, url: &str) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([role, url])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let out = child.stdout.take().ok_or("the listener says nothing")?;
    let mut lines = BufReader::new(out).lines();
    // It says when it listens.
    lines.next_line().await?;
    Ok((child, lines))
}

async fn heard(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<u64> {
    let line = lines.next_line().await?.ok_or("the listener has ended")?;
    Ok(line.parse()?)
}

/// The other process: a pod that keeps a key and sees it go.
pub(crate) async fn listen(url: &str) -> Result {
    let cache = cache(url, PREFIX, true, false).await?;
    println!("ready");
    for number in 0..ROUNDS {
        cache
            .get_or_set(&key(number), move |_| async move {
                Ok::<_, std::io::Error>(Invoice::new(number))
            })
            .await?;
        println!("loaded");
        while cache.peek(&key(number))?.is_some() {
            tokio::task::yield_now().await;
        }
        println!("{}", now());
    }
    Ok(())
}

/// The other process: a bare subscriber.
pub(crate) async fn listen_bare(url: &str) -> Result {
    let mut messages = Client::open(url)?.get_async_pubsub().await?;
    messages.subscribe(CHANNEL).await?;
    println!("ready");
    let mut messages = messages.on_message();
    for _ in 0..ROUNDS {
        messages.next().await;
        println!("{}", now());
    }
    Ok(())
}
