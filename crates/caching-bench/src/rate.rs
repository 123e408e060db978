//! Operations a second of many callers, in rounds that take turns.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::Result;

/// How many callers there are at the same time.
pub(crate) const CALLERS: usize = 64;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);

/// Two rates of one run.
pub(crate) struct Rates {
    pub(crate) ours: f64,
    pub(crate) bare: f64,
    /// The median of the ratios of the rounds, and the lowest and highest.
    pub(crate) ratio: f64,
    pub(crate) spread: (f64, f64),
}

/// What is measured: called with the number of its caller and of its call.
pub(crate) type Operation = Arc<dyn Fn(usize, u64) -> BoxFuture<'static, Result> + Send + Sync>;

/// An operation on something that each call has a handle of.
pub(crate) fn operation<S, F, Fut>(on: S, call: F) -> Operation
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, usize, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    Arc::new(move |caller, number| Box::pin(call(on.clone(), caller, number)))
}

/// Compares two operations of so many callers, round by round.
pub(crate) async fn compare(callers: usize, ours: Operation, bare: Operation) -> Result<Rates> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let bare = rate(callers, bare.clone()).await?;
        let ours = rate(callers, ours.clone()).await?;
        rounds.push((ours / bare, ours, bare));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, bare) = rounds[ROUNDS / 2];
    Ok(Rates {
        ours,
        bare,
        ratio,
        spread: (rounds[0].0, rounds[ROUNDS - 1].0),
    })
}

async fn rate(callers: usize, operation: Operation) -> Result<f64> {
    let (is_over, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let begun = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let (operation, is_over, done) = (operation.clone(), is_over.clone(), done.clone());
            // Awaited below.
            tokio::spawn(async move {
                let mut call = 0;
                while !is_over.load(Ordering::Relaxed) {
                    operation(caller, call).await?;
                    call += 1;
                }
                done.fetch_add(call, Ordering::Relaxed);
                Result::Ok(())
            })
        })
        .collect();
    tokio::time::sleep(ROUND).await;
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

impl Rates {
    /// A line of the table; with a goal, whether it is reached.
    pub(crate) fn print(&self, target: &str, what: &str, goal: Option<f64>) {
        let goal = goal.map_or_else(String::new, |goal| {
            format!("≥ {goal} {}", if self.ratio >= goal { "✓" } else { "✗" })
        });
        println!(
            "| {target} | {what} | {:.0}/s | {:.0}/s | {:.2} ({:.2}–{:.2}) | {goal} |",
            self.ours, self.bare, self.ratio, self.spread.0, self.spread.1,
        );
    }
}
