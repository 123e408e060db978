//! What an entry takes up, in bytes that live on the heap once the cache is full of them.

use allocation_counter::measure;

use crate::peers::{Maker, OTHERS, Peer, Room, filled_alone, filled_untagged};

/// As many entries as are kept, in caches with room for twice as many: nothing is evicted.
const ROOM: Room = Room {
    capacity: 200_000,
    entries: 100_000,
};

/// The names of those of which one row is enough: their other rows hold the same entries.
const TWICE: [&str; 1] = ["amalgam, read"];

/// Prints the bytes of an entry in each cache, keys and values included.
pub(crate) fn print() {
    println!("\nMemory: bytes an entry, of 100 000 with a value of 64 bytes\n");
    println!("| cache | bytes | this ÷ it |\n| --- | --- | --- |");
    let tagged = bytes(filled_alone);
    let ours = bytes(filled_untagged);
    println!("| this cache | {ours:.0} | |");
    println!("| this cache, two tags an entry | {tagged:.0} | |");
    for Maker { name, filled, .. } in OTHERS {
        if TWICE.contains(&name) || name.contains("hybrid") || name.contains("strict") {
            continue;
        }
        let bytes = bytes(filled);
        println!("| {name} | {bytes:.0} | {:.2} |", ours / bytes);
    }
}

fn bytes(filled: fn(Room) -> Box<dyn Peer>) -> f64 {
    let mut held = None;
    let count = measure(|| held = Some(filled(ROOM)));
    drop(held);
    count.bytes_current as f64 / f64::from(ROOM.entries)
}
