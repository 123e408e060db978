//! What is sent with an operation, checked: whoever reads it must be able to.

use std::time::Duration;

use caching_core::{Address, Claim, KeyName, MAX_TAG_LENGTH, MAX_TAGS, Mode, Record};
use deadpool_redis::redis::Cmd;

use crate::error::RedisLinkError;
use crate::names::Names;
use crate::wire::{self, LONGEST_CHANGE, LONGEST_FIELD};

/// The longest life of a record in milliseconds: a hundred years, which Redis and Lua can count.
const LONGEST_LIFE: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// The largest payload, in bytes. The cache's own limit is far below.
const LARGEST_PAYLOAD: usize = 64 * 1024 * 1024;

/// The longest name of a group, in bytes.
const LONGEST_GROUP: usize = 16 * 1024;

/// A record as scripts take it.
pub(super) struct Sendable<'a> {
    record: &'a Record,
    tags: String,
    fresh: u64,
    kept: u64,
}

impl<'a> Sendable<'a> {
    pub(super) fn new(record: &'a Record) -> Result<Self, RedisLinkError> {
        if record.payload.len() > LARGEST_PAYLOAD {
            return Err(RedisLinkError::Unsendable("a payload of more than 64 MiB"));
        }
        let is_long = |tag: &caching_core::Tag| tag.as_str().len() > MAX_TAG_LENGTH;
        if record.tags.len() > MAX_TAGS || record.tags.iter().any(is_long) {
            return Err(RedisLinkError::Unsendable(
                "more or longer tags than an entry may carry",
            ));
        }
        Ok(Self {
            record,
            tags: wire::encode_tags(&record.tags),
            fresh: milliseconds(record.duration),
            kept: milliseconds(record.duration.saturating_add(record.retention)),
        })
    }

    /// Adds field, payload, tags, tag clock and both lives.
    pub(super) fn add(&self, command: &mut Cmd, field: &str) {
        command
            .arg(field)
            .arg(self.record.payload.as_slice())
            .arg(&self.tags)
            .arg(self.record.tag_clock.min(wire::LARGEST_NUMBER))
            .arg(self.fresh)
            .arg(self.kept);
    }
}

/// What is asked of one record.
pub(super) fn question(names: &Names, key: &KeyName) -> Cmd {
    let mut question = Cmd::with_capacity(2, names.length(key) + 3);
    question.arg("GET").arg(names.record(key));
    question
}

/// What is asked of many records: what stands in each, in their order.
pub(super) fn question_of_many(names: &Names, addresses: &[Address<'_>]) -> Cmd {
    let keys = || addresses.iter().map(|address| address.key);
    let length: usize = keys().map(|key| names.length(key)).sum();
    let mut question = Cmd::with_capacity(1 + addresses.len(), length + 4);
    question.arg("MGET");
    let mut record = String::new();
    for key in keys() {
        record.clear();
        names.write(key, &mut record);
        question.arg(record.as_str());
    }
    question
}

/// Whole milliseconds, cut off: a record lives rather shorter than longer.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(LONGEST_LIFE, |life| life.min(LONGEST_LIFE))
}

/// A claim as it stands in Redis.
pub(super) fn token(claim: Claim) -> String {
    format!("{:016x}", claim.bits())
}

/// A change of keys as it stands in the log.
pub(super) fn change(keys: &[KeyName], mode: Mode) -> Result<String, RedisLinkError> {
    if keys.is_empty() {
        return Err(RedisLinkError::Unsendable("an invalidation of no key"));
    }
    let change = wire::encode_change(keys, mode);
    if change.len() > LONGEST_CHANGE {
        return Err(RedisLinkError::Unsendable(
            "an invalidation of more than 16 MiB of keys",
        ));
    }
    Ok(change)
}

pub(super) fn check_address(address: Address<'_>) -> Result<(), RedisLinkError> {
    let field = address.field.as_bytes();
    if field.is_empty() || field.len() > LONGEST_FIELD || !field.iter().all(u8::is_ascii_graphic) {
        return Err(RedisLinkError::Unsendable(
            "a field that is not 1 to 64 characters of visible ASCII",
        ));
    }
    Ok(())
}

pub(super) fn check_group(group: &str) -> Result<(), RedisLinkError> {
    if group.is_empty() || group.len() > LONGEST_GROUP {
        return Err(RedisLinkError::Unsendable(
            "a group without a name, or with one of more than 16 KiB",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_cut_to_whole_milliseconds_and_a_century() {
        assert_eq!(milliseconds(Duration::from_micros(1999)), 1);
        assert_eq!(milliseconds(Duration::MAX), LONGEST_LIFE);
        const { assert!(LONGEST_LIFE < wire::LARGEST_NUMBER / 2) };
    }
}
