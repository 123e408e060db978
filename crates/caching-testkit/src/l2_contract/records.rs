//! What is stored comes back, for as long as it was to be kept.

use std::time::Duration;

use caching_core::{Find, L2, Mode, Record, Tag};

use super::L2Fixture;
use super::peer::{FIELD, LONG, LONGER_THAN_SHORT, Peer, SHORT, key, living, name, record};

/// Payload, tags, tag clock and epoch are what they were, and the lives are what is left of them.
pub async fn a_record_is_read_as_it_was_stored<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    for _ in 0..3 {
        peer.purge("*", Mode::Remove).await;
    }
    let stored = Record {
        payload: (0..=255).cycle().take(100_000).collect(),
        duration: LONG,
        retention: LONG * 2,
        tags: ["customer:7", "a,b;c \"d\" \u{e9}\n", "%"]
            .map(Tag::from)
            .to_vec(),
        tag_clock: 2, // of the load, and not of now
    };
    peer.store_field(&key("a"), FIELD, &stored).await;
    let at = peer.known().await;

    let answer = peer.read(&key("a")).await;
    assert_eq!(answer.at, Some(at));
    let Find::Record(found) = answer.found else {
        panic!(
            "a record that was just stored is not there: {:?}",
            answer.found
        );
    };
    assert!(found.payload == stored.payload, "the payload is another");
    assert_eq!(found.tags, stored.tags);
    assert_eq!(found.tag_clock, stored.tag_clock);
    assert_eq!(found.epoch, at.epoch);
    let a_while = Duration::from_secs(60);
    assert!(found.fresh_for <= LONG && found.fresh_for + a_while > LONG);
    assert!(found.kept_for <= LONG * 3 && found.kept_for + a_while > LONG * 3);
}

/// Nothing in it is not nothing.
pub async fn an_empty_payload_is_a_value<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store(&key("a"), "").await;
    assert_eq!(peer.value(&key("a")).await.as_deref(), Some(""));
}

/// Neither under another key nor in another field.
pub async fn a_read_finds_nothing_where_nothing_was_stored<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store(&key("a"), "1").await;
    assert_eq!(peer.value(&key("b")).await, None);
    assert_eq!(peer.value_in(&key("a"), "json.2").await, None);
}

/// A fill of one leaves the other.
pub async fn fields_of_a_key_stand_side_by_side<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    peer.store_field(&key("a"), "json.1", &record("one")).await;
    peer.store_field(&key("a"), "json.2", &record("two")).await;
    assert_eq!(
        peer.value_in(&key("a"), "json.1").await.as_deref(),
        Some("one")
    );
    assert_eq!(
        peer.value_in(&key("a"), "json.2").await.as_deref(),
        Some("two")
    );
}

/// Up to 64 bytes of it, and however it resembles what an implementation keeps beside the fields.
pub async fn any_visible_ascii_names_a_field<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let visible: Vec<u8> = (b'!'..=b'~').collect();
    let mut fields: Vec<String> = visible
        .windows(64)
        .map(|window| String::from_utf8_lossy(window).into_owned())
        .collect();
    fields.extend(visible.iter().map(|byte| char::from(*byte).to_string()));
    fields.extend(
        [
            "json.1",
            "json.1:m",
            "json.1:meta",
            "json.1:m:m",
            ":m",
            "x:m",
        ]
        .map(String::from),
    );
    fields.sort();
    fields.dedup();
    for field in &fields {
        peer.store_field(&key("a"), field, &record(field)).await;
    }
    for field in &fields {
        assert_eq!(peer.value_in(&key("a"), field).await.as_ref(), Some(field));
    }
    peer.expire(&key("a")).await;
    for field in &fields {
        assert_eq!(peer.value_in(&key("a"), field).await.as_ref(), Some(field));
    }
}

/// Nothing of what was there before is left: tags and life are those of the new one.
pub async fn a_field_is_replaced_whole<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let mut older = record("older");
    older.tags = vec![Tag::from("old")];
    older.tag_clock = 7;
    peer.store_field(&key("a"), FIELD, &older).await;
    let newer = living("newer", LONG / 10, Duration::ZERO);
    peer.store_field(&key("a"), FIELD, &newer).await;

    let found = peer.find(&key("a"), FIELD).await.expect("it was stored");
    assert_eq!(found.payload, newer.payload);
    assert_eq!(found.tags, newer.tags);
    assert_eq!(found.tag_clock, newer.tag_clock);
    assert!(found.fresh_for <= LONG / 10 && found.kept_for <= LONG / 10);
}

/// A short one does not take a long one along, and a long one does not keep a short one, in either order.
pub async fn each_field_has_a_life_of_its_own<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let (short, long) = (living("short", SHORT, Duration::ZERO), record("long"));
    peer.store_field(&key("a"), "one", &short).await;
    peer.store_field(&key("a"), "two", &long).await;
    peer.store_field(&key("b"), "one", &long).await;
    peer.store_field(&key("b"), "two", &short).await;
    fixture.pass(LONGER_THAN_SHORT).await;
    assert_eq!(peer.value_in(&key("a"), "one").await, None);
    assert_eq!(
        peer.value_in(&key("a"), "two").await.as_deref(),
        Some("long")
    );
    assert_eq!(
        peer.value_in(&key("b"), "one").await.as_deref(),
        Some("long")
    );
    assert_eq!(peer.value_in(&key("b"), "two").await, None);
}

/// After its duration it is fresh for no time, and still there.
pub async fn a_stale_record_is_kept_as_a_fallback<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let stored = living("stale", SHORT, LONG);
    peer.store_field(&key("a"), FIELD, &stored).await;
    fixture.pass(LONGER_THAN_SHORT).await;
    let found = peer.find(&key("a"), FIELD).await.expect("it is kept");
    assert_eq!(found.payload, stored.payload);
    assert_eq!(found.fresh_for, Duration::ZERO);
    assert!(found.kept_for > Duration::ZERO && found.kept_for < LONG);
}

/// After duration and retention nothing is left.
pub async fn a_record_ends_with_its_life<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let stored = living("short", SHORT / 2, SHORT / 2);
    peer.store_field(&key("a"), FIELD, &stored).await;
    fixture.pass(LONGER_THAN_SHORT).await;
    assert_eq!(peer.value(&key("a")).await, None);
}

/// Whether it is answered as stored or not: an end that is now must not become none at all.
pub async fn a_record_without_a_life_is_not_stored<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let asof = peer.known().await;
    let stored = living("dead", Duration::ZERO, Duration::ZERO);
    peer.fill_field(&key("a"), FIELD, &stored, asof).await;
    assert_eq!(peer.value(&key("a")).await, None);
    let put = peer.l2.put(peer.at(&key("b"), FIELD), &stored, None).await;
    put.expect("a put is answered");
    assert_eq!(peer.value(&key("b")).await, None);
}

/// Colons, escapes and braces in scope and text move nothing from one record to another.
pub async fn names_that_look_alike_are_different_records<F: L2Fixture>(fixture: &F) {
    let peer = Peer::join(fixture).await;
    let names = [
        "t:a invoice:b",
        "t:a invoice:b:",
        "t:a invoice:b:c",
        "t:a invoice:",
        "t:a:invoice invoice:b",
        "t:a:invoice b:c",
        "t:a invoice:B",
        "t:a invoice:{b}",
        "t:a invoice:%7Bb%7D",
        "t:a% invoice:b",
        "t:a%3Ainvoice b:c",
        "shared invoice:b",
        "shared t:a:invoice:b",
        "t a:b",
        "t a:invoice:b",
        "%74 a:b",
        "@control x:y",
        "@log x:y",
        "%40log x:y",
    ];
    for text in names {
        peer.store(&name(text), text).await;
    }
    for text in names {
        assert_eq!(peer.value(&name(text)).await.as_deref(), Some(text));
    }
}
