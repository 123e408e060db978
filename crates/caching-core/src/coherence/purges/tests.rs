//! What purges hide of entries and records, in whatever order they are heard of.

use super::*;
use crate::coherence::Seq;
use crate::key::{KeyHasher, KeyKind, StoredKey};
use crate::scope::{ScopeId, SharedScope};

fn key() -> StoredKey {
    KeyHasher::new()
        .key(ScopeId::SHARED, KeyKind::PLAIN, b"key")
        .to_stored()
}

fn tag(text: &str) -> String {
    name(&Group::Tag(ScopeId::SHARED, text.into()))
}

fn name(group: &Group) -> String {
    group.name(&SharedScope)
}

fn asof(epoch: u128, seq: u64) -> Asof {
    Asof {
        epoch: Epoch::new(epoch),
        seq: Seq::new(seq),
    }
}

#[test]
fn a_purge_hides_what_was_loaded_before_it_and_nothing_after() {
    let (purges, key) = (Purges::new(), key());
    let tags = [Tag::from("a"), Tag::from("b")];
    let before = purges.clock();
    purges.purge(&tag("b"), Mode::Remove);
    let after = purges.clock();
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &tags, before),
        Validity::Removed
    );
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &tags, after),
        Validity::Valid
    );
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &tags[..1], before),
        Validity::Valid
    );
}

#[test]
fn a_remove_outweighs_an_expire_in_either_order() {
    for modes in [[Mode::Remove, Mode::Expire], [Mode::Expire, Mode::Remove]] {
        let (purges, key) = (Purges::new(), key());
        for mode in modes {
            purges.purge(&tag("a"), mode);
        }
        let found = purges.look(&SharedScope, &key.as_ref(), &[Tag::from("a")], 0);
        assert_eq!(found, Validity::Removed);
    }
}

#[test]
fn scopes_and_kinds_are_purged_on_their_own() {
    let (purges, key) = (Purges::new(), key());
    purges.purge("t:acme", Mode::Remove);
    purges.purge(
        &name(&Group::Kind(ScopeId::SHARED, KeyKind::new("other"))),
        Mode::Remove,
    );
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &[], 0),
        Validity::Valid
    );
    purges.purge(
        &name(&Group::Kind(ScopeId::SHARED, KeyKind::PLAIN)),
        Mode::Expire,
    );
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &[], 0),
        Validity::Expired
    );
    purges.purge(&name(&Group::Everything), Mode::Remove);
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &[], 0),
        Validity::Removed
    );
}

#[test]
fn a_million_purges_take_bounded_room_and_none_is_forgotten() {
    let (purges, key) = (Purges::new(), key());
    let first = [Tag::from("tag 0")];
    let before = purges.clock();
    for n in 0..1_000_000 {
        purges.purge(&tag(&format!("tag {n}")), Mode::Remove);
    }
    assert!(purges.groups.len() <= REMEMBERED);
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &first, before),
        Validity::Removed
    );
    let now = purges.clock();
    assert_eq!(
        purges.look(&SharedScope, &key.as_ref(), &first, now),
        Validity::Valid
    );
}

#[test]
fn a_record_is_judged_by_the_clock_of_the_deployment() {
    let (purges, key) = (Purges::new(), key());
    let tags = [Tag::from("a")];
    purges.begin_again(Epoch::new(1), 10, true);
    let judge =
        |clock| purges.judge_record(&SharedScope, &key.as_ref(), &tags, Epoch::new(1), clock);
    assert_eq!(judge(9), RecordValidity::Ask);
    assert_eq!(judge(10), RecordValidity::Known(Validity::Valid));
    purges.hear(&tag("a"), Mode::Expire, 11);
    assert_eq!(judge(10), RecordValidity::Known(Validity::Expired));
    assert_eq!(judge(11), RecordValidity::Known(Validity::Valid));
    assert_eq!(purges.shared_clock(Epoch::new(1)), Some(11));
}

#[test]
fn until_the_store_has_answered_a_purge_hides_whatever_it_holds() {
    let (purges, key) = (Purges::new(), key());
    let tags = [Tag::from("a")];
    purges.begin_again(Epoch::new(1), 0, true);
    let judge =
        |clock| purges.judge_record(&SharedScope, &key.as_ref(), &tags, Epoch::new(1), clock);
    purges.purge_pending(&tag("a"), Mode::Expire);
    assert_eq!(judge(99), RecordValidity::Known(Validity::Removed));
    assert!(purges.settle(&tag("a"), Mode::Expire, asof(1, 1), 5));
    assert_eq!(judge(4), RecordValidity::Known(Validity::Expired));
    assert_eq!(judge(5), RecordValidity::Known(Validity::Valid));
}

#[test]
fn after_a_break_clocks_of_before_count_for_nothing_and_entries_are_fallbacks() {
    let (purges, key) = (Purges::new(), key());
    let tags = [Tag::from("a")];
    purges.begin_again(Epoch::new(1), 0, true);
    let before = purges.clock();
    purges.hear(&tag("a"), Mode::Remove, 900);
    let between = purges.clock();
    purges.begin_again(Epoch::new(2), 3, true);
    let look = |since| purges.look(&SharedScope, &key.as_ref(), &tags, since);
    assert_eq!(look(before), Validity::Removed);
    assert_eq!(look(between), Validity::Expired);
    assert_eq!(look(purges.clock()), Validity::Valid);
    let judge =
        |epoch| purges.judge_record(&SharedScope, &key.as_ref(), &tags, Epoch::new(epoch), 3);
    assert_eq!(judge(2), RecordValidity::Known(Validity::Valid));
    assert_eq!(judge(1), RecordValidity::Known(Validity::Removed));
    assert_eq!(purges.shared_clock(Epoch::new(1)), None);
}
