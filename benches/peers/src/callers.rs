//! Ten thousand tasks that ask for one cold key at the same time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use allocation_counter::measure;
use tokio::runtime::Runtime;

use crate::median::spread;
use crate::peers::current_thread;
use crate::sample::Invoice;

use self::herds::{Amalgam, Cell, Foyer, Moka, MultiTier, Ours, OursShared, Quick};

mod herds;

const CALLERS: u32 = 10_000;
const FACTORY: Duration = Duration::from_millis(20);
const ROUNDS: usize = 9;

/// How often the factory has run in this round.
static LOADS: AtomicU32 = AtomicU32::new(0);

/// A cache that is asked for one key by many.
trait Herd: Clone + Send + 'static {
    /// An empty one. Called within a runtime.
    async fn empty() -> Self;

    /// Gets the value of the key, with [`load`] where there is none.
    fn ask(self) -> impl Future<Output = ()> + Send;
}

/// The factory: 20 ms.
async fn load() -> Invoice {
    // Relaxed: read when all callers have been waited for.
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(FACTORY).await;
    Invoice::new(1)
}

struct Row {
    name: &'static str,
    run: fn(&Runtime) -> Duration,
}

const ROWS: [Row; 8] = [
    Row {
        name: "this cache, over a store",
        run: run::<OursShared>,
    },
    Row {
        name: "this cache",
        run: run::<Ours>,
    },
    Row {
        name: "a `OnceCell` of tokio, for a floor",
        run: run::<Cell>,
    },
    Row {
        name: "moka::future `get_with`",
        run: run::<Moka>,
    },
    Row {
        name: "quick_cache `get_or_insert_async`",
        run: run::<Quick>,
    },
    Row {
        name: "foyer `get_or_fetch`",
        run: run::<Foyer>,
    },
    Row {
        name: "amalgam `get_or_set`",
        run: run::<Amalgam>,
    },
    Row {
        name: "multi-tier-cache `get_or_compute_with`",
        run: run::<MultiTier>,
    },
];

/// Prints how often the factory ran, how much longer than it the last caller took, and what each
/// of them cost in memory.
pub(crate) fn print() {
    println!("\n{CALLERS} tasks ask for one cold key, whose factory takes 20 ms; on two threads\n");
    println!("| cache | factory calls | ms over the factory | bytes a caller, its task included |");
    println!("| --- | --- | --- | --- |");
    let two_threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be had");
    let mut times = vec![Vec::new(); ROWS.len()];
    let mut loads = vec![0; ROWS.len()];
    for _ in 0..ROUNDS {
        for (index, row) in ROWS.iter().enumerate() {
            LOADS.store(0, Ordering::Relaxed);
            let over = (row.run)(&two_threads).saturating_sub(FACTORY);
            times[index].push(over.as_secs_f64() * 1e3);
            loads[index] = loads[index].max(LOADS.load(Ordering::Relaxed));
        }
    }
    for (index, row) in ROWS.iter().enumerate() {
        let time = spread(std::mem::take(&mut times[index]));
        let bytes = bytes(row);
        println!(
            "| {} | {} | {time:.1} | {bytes:.0} |",
            row.name, loads[index]
        );
    }
}

/// From the first caller's beginning to the last one's end.
fn run<H: Herd>(runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let herd = H::empty().await;
        let begun = Instant::now();
        let mut callers = Vec::with_capacity(CALLERS as usize);
        for _ in 0..CALLERS {
            // Awaited below.
            callers.push(tokio::spawn(herd.clone().ask()));
        }
        for caller in callers {
            caller.await.expect("no caller panics");
        }
        begun.elapsed()
    })
}

/// The most that was allocated at a time, for each caller, all of it on this one thread.
fn bytes(row: &Row) -> f64 {
    let runtime = current_thread();
    let count = measure(|| {
        (row.run)(&runtime);
    });
    count.bytes_max as f64 / f64::from(CALLERS)
}
