//! What a hit costs, in time and in allocations: rounds in which all caches take turns.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::measure;

use crate::median::spread;
use crate::peers::{OTHERS, OURS, Peer, Room};
use crate::sample::{KEYS, Reads};

/// Below half of their room, where no cache has to decide who stays.
const ROOM: Room = Room {
    capacity: 100_000,
    entries: KEYS,
};

const ROUNDS: usize = 31;

/// Two threads read so often between two looks at the clock, to be busy at the same time.
const PASSES: usize = 2;

/// A cache that takes its turn.
struct Runner {
    name: &'static str,
    call: &'static str,
    peer: Box<dyn Peer>,
}

/// Prints what a hit costs each cache.
pub(crate) fn print() {
    let runners: Vec<Runner> = std::iter::once(OURS)
        .chain(OTHERS)
        .map(|maker| Runner {
            name: maker.name,
            call: maker.call,
            peer: (maker.filled)(ROOM),
        })
        .collect();
    println!("Hits of one thread: nanoseconds of processor time a read\n");
    println!("| cache | call | Zipf | this ÷ it | one key | this ÷ it | allocations |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let zipf = scene(&runners, &[Reads::zipf(1)]);
    let hot = scene(&runners, &[Reads::hot()]);
    for (index, runner) in runners.iter().enumerate() {
        println!(
            "| {} | {} | {} | {} | {} |",
            runner.name,
            runner.call,
            cells(&zipf, index),
            cells(&hot, index),
            allocations(&*runner.peer),
        );
    }
    println!("\nThe same on two threads at the same time: nanoseconds on the wall\n");
    println!("| cache | Zipf | this ÷ it | one key | this ÷ it |");
    println!("| --- | --- | --- | --- | --- |");
    let zipf = scene(&runners, &[Reads::zipf(1), Reads::zipf(2)]);
    let hot = scene(&runners, &[Reads::hot(), Reads::hot()]);
    for (index, runner) in runners.iter().enumerate() {
        println!(
            "| {} | {} | {} |",
            runner.name,
            cells(&zipf, index),
            cells(&hot, index)
        );
    }
}

/// The time of a read in each round, for each cache.
fn scene(runners: &[Runner], threads: &[Reads]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(ROUNDS); runners.len()];
    for round in 0..ROUNDS {
        // Nobody always comes after the same neighbour.
        for turn in 0..runners.len() {
            let index = (turn + round) % runners.len();
            times[index].push(time(&runners[index], threads));
        }
    }
    times
}

/// The time of a read. Each pass that is measured comes after one that is not, which brings to the
/// processor what the others have pushed out.
fn time(runner: &Runner, threads: &[Reads]) -> f64 {
    if let [reads] = threads {
        read(runner, reads, 1);
        // What the processor spent on this thread: nothing here waits, and what else the machine
        // does in between is not counted.
        let begun = processor_time();
        read(runner, reads, 1);
        return (processor_time() - begun).as_nanos() as f64 / reads.len() as f64;
    }
    // Threads may wait for each other, so here it is the time on the wall.
    let barrier = Barrier::new(threads.len());
    let times: Vec<f64> = thread::scope(|scope| {
        let running: Vec<_> = threads
            .iter()
            .map(|reads| {
                scope.spawn(|| {
                    read(runner, reads, 1);
                    barrier.wait();
                    let begun = Instant::now();
                    read(runner, reads, PASSES);
                    begun.elapsed().as_nanos() as f64 / (PASSES * reads.len()) as f64
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no read panics"))
            .collect()
    });
    times.iter().sum::<f64>() / times.len() as f64
}

fn read(runner: &Runner, reads: &Reads, passes: usize) {
    for _ in 0..passes {
        let found = runner.peer.read(reads);
        assert_eq!(found, reads.len(), "{}: a read was no hit", runner.name);
    }
}

/// What the processor has spent on this thread so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time is never negative")
}

/// The median time, and the ratio of the first row's to it, round by round.
fn cells(times: &[Vec<f64>], index: usize) -> String {
    let time = spread(times[index].clone());
    if index == 0 {
        return format!("{time:.0} | ");
    }
    let ratios = times[0]
        .iter()
        .zip(&times[index])
        .map(|(ours, it)| ours / it);
    let ratio = spread(ratios.collect());
    format!("{time:.0} | {ratio:.2}")
}

/// How many allocations a hit makes.
fn allocations(peer: &dyn Peer) -> String {
    let reads = Reads::zipf(1);
    let count = measure(|| {
        peer.read(&reads);
    });
    format!("{:.1}", count.count_total as f64 / reads.len() as f64)
}
