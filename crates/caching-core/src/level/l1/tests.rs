//! Who stays in L1, who leaves, and that its two halves agree.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;

use super::*;
use crate::coherence::Fences;
use crate::entry::{Content, Lifetime};
use crate::key::{KeyHasher, KeyKind};
use crate::observe::CacheEvent;
use crate::options::Profile;
use crate::scope::ScopeId;
use crate::units::Priority;

struct Fixture {
    l1: L1,
    events: Arc<EventBus>,
    fences: Fences,
    hasher: KeyHasher,
}

impl Fixture {
    fn new(max_entries: u64) -> Self {
        Self::with_room(Room {
            max_entries,
            max_bytes: None,
        })
    }

    fn with_room(room: Room) -> Self {
        let events = Arc::new(EventBus::new());
        Self {
            l1: L1::new(room, Arc::clone(&events)),
            events,
            fences: Fences::alone(),
            hasher: KeyHasher::new(),
        }
    }

    fn key(&self, text: &str) -> StoredKey {
        self.hasher
            .key(ScopeId::SHARED, KeyKind::PLAIN, text.as_bytes())
            .to_stored()
    }

    fn put(&self, text: &str, profile: &Profile) {
        self.put_at(text, profile, Tick::ZERO);
    }

    fn put_at(&self, text: &str, profile: &Profile, now: Tick) {
        self.put_entry(&self.key(text), text, profile, now);
    }

    fn put_under(&self, key: &StoredKey, text: &str) {
        self.put_entry(key, text, &Profile::BUILT_IN, Tick::ZERO);
    }

    fn put_entry(&self, key: &StoredKey, text: &str, profile: &Profile, now: Tick) {
        let content = Content::Value(Arc::new(text.to_owned()));
        let lifetime = Lifetime::of(profile, &content, (now, SystemTime::UNIX_EPOCH), 0.0);
        let asof = self.fences.asof();
        let entry = Entry::new(content, || "String", lifetime, asof, None, 0);
        let entry = entry.treated(profile, now, None);
        let stripe = self.fences.lock(key.hash() as u16);
        self.l1.put(&stripe, key, entry, now);
    }

    fn has(&self, text: &str) -> bool {
        self.l1.read(&self.key(text).as_ref(), |_| ()).is_some()
    }
}

#[test]
fn no_more_entries_stay_than_there_is_room_for() {
    let fixture = Fixture::new(10);
    for n in 0..1_000 {
        fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
    }
    fixture.l1.tidy();
    assert_eq!(fixture.l1.len(), 10);
}

#[test]
fn an_entry_that_is_used_outlives_those_that_are_not() {
    let fixture = Fixture::new(10);
    for n in 0..10 {
        fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
    }
    fixture.l1.tidy();
    for n in 10..200 {
        for _ in 0..2 {
            let key = fixture.key("key 3");
            let read = fixture.l1.read(&key.as_ref(), |entry| {
                fixture.l1.touch(&key.as_ref(), entry)
            });
            assert!(read.is_some(), "evicted before key {n}");
            fixture.l1.tidy();
        }
        fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
    }
    assert!(fixture.has("key 3"));
}

#[test]
fn no_more_bytes_stay_than_there_is_room_for_nor_more_entries() {
    let fixture = Fixture::with_room(Room {
        max_entries: 100,
        max_bytes: Some(1024 * 1024),
    });
    let large = Profile {
        size: Some(ByteSize::kib(100)),
        ..Profile::BUILT_IN
    };
    for n in 0..200 {
        fixture.put(&format!("large {n}"), &large);
        fixture.l1.tidy();
        assert!(
            fixture.l1.len() <= 10,
            "{} of 100 KiB in 1 MiB",
            fixture.l1.len()
        );
    }
    assert!(fixture.l1.len() >= 9, "and it is filled");
    for n in 0..1_000 {
        fixture.put(&format!("small {n}"), &Profile::BUILT_IN);
        fixture.l1.tidy();
    }
    assert!(fixture.l1.len() <= 100, "{} of 100", fixture.l1.len());
    let huge = Profile {
        size: Some(ByteSize::mib(2)),
        ..Profile::BUILT_IN
    };
    fixture.put("huge", &huge);
    fixture.l1.tidy();
    assert!(!fixture.has("huge"), "it would never fit");
}

#[test]
fn a_text_counts_with_its_length_towards_the_bytes() {
    let fixture = Fixture::with_room(Room {
        max_entries: 1_000,
        max_bytes: Some(64 * 1024),
    });
    for n in 0..100 {
        fixture.put(&format!("{n:010000}"), &Profile::BUILT_IN);
    }
    fixture.l1.tidy();
    // Each is there twice: as the key and as the value.
    assert!(
        fixture.l1.len() <= 3,
        "{} of 20 KB in 64 KiB",
        fixture.l1.len()
    );
}

#[test]
fn entries_of_high_priority_outlive_others_and_those_of_low_do_not_whoever_reads_them() {
    let fixture = Fixture::new(20);
    let of = |priority| Profile {
        priority,
        ..Profile::BUILT_IN
    };
    for n in 0..10 {
        fixture.put(&format!("low {n}"), &of(Priority::Low));
    }
    fixture.l1.tidy();
    for n in 0..5 {
        fixture.put(&format!("high {n}"), &of(Priority::High));
    }
    fixture.l1.tidy();
    for n in 0..100 {
        for low in 0..10 {
            let key = fixture.key(&format!("low {low}"));
            let touch = |entry: &Entry| fixture.l1.touch(&key.as_ref(), entry);
            fixture.l1.read(&key.as_ref(), touch);
        }
        let text = format!("normal {n}");
        fixture.put(&text, &Profile::BUILT_IN);
        let key = fixture.key(&text);
        for _ in 0..2 {
            fixture.l1.missed(&key);
            fixture.l1.tidy();
        }
    }
    let count = |kind: &str| {
        (0..10)
            .filter(|n| fixture.has(&format!("{kind} {n}")))
            .count()
    };
    assert_eq!(count("high"), 5);
    assert!(count("low") < 3, "{} of low priority", count("low"));
}

#[test]
fn index_and_policy_agree_after_many_threads_put_and_removed_the_same_keys() {
    let fixture = Fixture::new(50);
    std::thread::scope(|scope| {
        for seed in 0..4_usize {
            let fixture = &fixture;
            scope.spawn(move || {
                for step in 0..5_000_usize {
                    let text = format!("key {}", (step * 31 + seed * 17) % 100);
                    if step % 3 == 0 {
                        let key = fixture.key(&text);
                        let stripe = fixture.fences.lock(key.hash() as u16);
                        fixture.l1.remove(&stripe, &key);
                    } else {
                        fixture.put(&text, &Profile::BUILT_IN);
                    }
                }
            });
        }
    });
    fixture.l1.tidy();
    assert!(fixture.l1.len() <= 50, "{} in the index", fixture.l1.len());
    assert_eq!(fixture.l1.len() as u64, fixture.l1.policy.len());
}

#[test]
fn who_loses_a_seat_leaves_and_whoever_is_under_the_key_by_then_does_not() {
    let fixture = Fixture::new(10);
    let hash = fixture.key("key").hash();
    let former = |number| {
        let seat = Seat { hash, number };
        let (index, events) = (&fixture.l1.index, &fixture.events);
        vacate(index, events, seat, EvictionReason::Size);
    };
    fixture.put("key", &Profile::BUILT_IN);
    fixture.put("key", &Profile::BUILT_IN);
    former(0);
    assert!(fixture.has("key"), "it has another seat by now");
    // As when its seat was taken a moment before the policy forgets whoever has it.
    fixture.l1.policy.forget(hash);
    assert!(!fixture.has("key"), "nobody is in the index without a seat");
}

#[test]
fn what_is_past_its_retention_gives_its_room_back() {
    let fixture = Fixture::new(1_000);
    let brief = Profile {
        duration: Duration::from_secs(1),
        fail_safe: false,
        ..Profile::BUILT_IN
    };
    for n in 0..100 {
        fixture.put(&format!("brief {n}"), &brief);
    }
    fixture.put("long", &Profile::BUILT_IN);
    let late = Tick::ZERO.after(Duration::from_secs(2));
    let mut events = fixture.events.subscribe();
    for n in 0..100 {
        fixture.put_at(&format!("later {n}"), &Profile::BUILT_IN, late);
    }
    assert_eq!(fixture.l1.len(), 101, "those of later, and the long one");
    assert!(fixture.has("long"));
    fixture.l1.tidy();
    assert_eq!(fixture.l1.policy.len(), 101);
    fixture.events.tell_evictions();
    let reasons = std::iter::from_fn(|| events.try_recv()).map(|event| match event {
        CacheEvent::Evicted { reason, .. } => reason,
        other => panic!("{other:?}"),
    });
    assert_eq!(
        reasons.collect::<Vec<_>>(),
        [EvictionReason::Expired; 100],
        "each is told of"
    );
}

#[test]
fn two_keys_of_one_hash_are_never_taken_for_each_other_and_have_one_seat() {
    let fixture = Fixture::new(10);
    let key = |text: &str| {
        let key = KeyRef {
            hash: 7,
            scope: ScopeId::SHARED,
            kind: KeyKind::PLAIN,
            text: text.as_bytes(),
        };
        key.to_stored()
    };
    let (one, other) = (key("one"), key("other"));
    let found = |key: &StoredKey| {
        fixture
            .l1
            .read(&key.as_ref(), |entry| match &entry.content {
                Content::Value(value) => value.downcast_ref::<String>().cloned(),
                Content::Absent => None,
            })
            .flatten()
    };
    fixture.put_under(&one, "one");
    assert_eq!(found(&other), None);
    fixture.put_under(&other, "other");
    assert_eq!(found(&one), None, "it has lost its seat");
    assert_eq!(found(&other).as_deref(), Some("other"));
    // One that is not there takes nothing along.
    assert!(!fixture.l1.remove(&fixture.fences.lock(7), &one));
    assert_eq!(found(&other).as_deref(), Some("other"));
    fixture.l1.tidy();
    assert_eq!((fixture.l1.len(), fixture.l1.policy.len()), (1, 1));
    assert!(fixture.l1.remove(&fixture.fences.lock(7), &other));
    fixture.l1.tidy();
    assert_eq!((fixture.l1.len(), fixture.l1.policy.len()), (0, 0));
}

#[test]
fn an_entry_and_its_key_take_up_no_more_than_they_need() {
    let size = size_of::<(StoredKey, Entry)>();
    // Measured beside moka's 362 bytes for an entry; see docs/decisions/0018-seats-by-hash.md.
    assert!(size <= 184, "{size} bytes");
}
