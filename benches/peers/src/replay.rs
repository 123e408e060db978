//! How many reads are hits when the keys do not all fit: a replay of skewed reads, beside raw moka.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::median::spread;
use crate::peers::{Ours, current_thread, scoped};
use crate::sample::{Invoice, InvoiceKey, zipf};

const KEYS: u32 = 100_000;
const READS: usize = 500_000;
const CAPACITIES: [u32; 3] = [1_000, 5_000, 20_000];
const SEEDS: [u64; 3] = [1, 2, 3];

/// After so many skewed reads comes a scan of keys that nobody asks for again.
const BETWEEN_SCANS: usize = 8_000;
const SCAN: u32 = 2_000;

/// Prints the share of hits, ours and moka's, at equal capacity.
pub(crate) fn print() {
    println!("\nHits among {READS} reads of {KEYS} keys that do not all fit (skew 1)\n");
    println!(
        "| reads | entries | this cache | moka | this ÷ moka |\n| --- | --- | --- | --- | --- |"
    );
    for (name, trace) in [
        ("Zipf", skewed as fn(u64) -> Vec<u32>),
        ("Zipf, and a fifth of scans", scanned),
    ] {
        for capacity in CAPACITIES {
            let (ours, moka): (Vec<f64>, Vec<f64>) = SEEDS
                .iter()
                .map(|&seed| {
                    let trace = trace(seed);
                    (of_ours(&trace, capacity), of_moka(&trace, capacity))
                })
                .unzip();
            let ratios = ours.iter().zip(&moka).map(|(ours, moka)| ours / moka);
            let ratio = spread(ratios.collect());
            let (ours, moka) = (spread(ours).median, spread(moka).median);
            println!("| {name} | {capacity} | {ours:.3} | {moka:.3} | {ratio:.3} |");
        }
    }
}

fn skewed(seed: u64) -> Vec<u32> {
    zipf(KEYS, 1.0, seed).take(READS).collect()
}

fn scanned(seed: u64) -> Vec<u32> {
    let mut skewed = zipf(KEYS, 1.0, seed);
    let mut next_cold = KEYS;
    let mut trace = Vec::with_capacity(READS);
    while trace.len() < READS {
        trace.extend(skewed.by_ref().take(BETWEEN_SCANS));
        trace.extend(next_cold..next_cold + SCAN);
        next_cold += SCAN;
    }
    trace.truncate(READS);
    trace
}

fn of_ours(trace: &[u32], capacity: u32) -> f64 {
    // A factory outlives its caller, so what it counts in does, too.
    let loads = Arc::new(AtomicU32::new(0));
    current_thread().block_on(scoped(async {
        let cache = Ours::alone(capacity);
        for &id in trace {
            let loads = loads.clone();
            cache
                .get_or_set(&InvoiceKey { id }, move |_| async move {
                    // Relaxed: one thread.
                    loads.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, Infallible>(Invoice::new(id))
                })
                .await
                .expect("a factory that cannot fail");
        }
    }));
    share(trace, loads.load(Ordering::Relaxed))
}

fn of_moka(trace: &[u32], capacity: u32) -> f64 {
    let cache = moka::sync::Cache::new(capacity.into());
    let mut loads = 0;
    for &id in trace {
        if cache.get(&id).is_none() {
            loads += 1;
            cache.insert(id, Invoice::new(id));
        }
    }
    share(trace, loads)
}

/// The share of reads that loaded nothing.
fn share(trace: &[u32], loads: u32) -> f64 {
    1.0 - f64::from(loads) / trace.len() as f64
}
