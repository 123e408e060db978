//! What Redis answers, read with suspicion: `None` for whatever no script of ours gives.

use std::time::Duration;

use caching_core::{
    Applied, Asof, BreakReason, Change, Epoch, FillAnswer, Find, FoundRecord, PollAnswer,
    PurgeTimes, PurgedAnswer, ReadAnswer, Seq,
};
use deadpool_redis::redis::Value;

use crate::error::RedisLinkError;
use crate::wire::{self, bytes, items};

/// What is known of the partition and of the server's clock, at the beginning of a read.
pub(super) struct Known {
    /// Nothing where there is no control record.
    control: Option<(Asof, u64)>,
    now: u64,
}

impl Known {
    pub(super) fn at(&self) -> Option<Asof> {
        self.control.map(|(at, _)| at)
    }
}

const READ_NOT_UNDERSTOOD: RedisLinkError = RedisLinkError::Answer { operation: "read" };

/// The answers to what every read begins with: the control record and the time.
pub(super) fn known(control: &Value, time: &Value) -> Result<Known, RedisLinkError> {
    let control = match control {
        Value::ServerError(error) if !is_wrong_type(error) => {
            return Err(RedisLinkError::server(error));
        }
        control => in_control(control),
    };
    Ok(Known {
        control,
        now: now(time).ok_or(READ_NOT_UNDERSTOOD)?,
    })
}

/// The answer to a read of a field, from what it began with and what stands in the record.
pub(super) fn read(
    known: &Known,
    record: Value,
    field: &str,
) -> Result<ReadAnswer, RedisLinkError> {
    let Some((at, tag_clock)) = known.control else {
        // What stands in the record belongs to no sequence, so nothing can be said of its freshness.
        return Ok(ReadAnswer {
            at: None,
            tag_clock: 0,
            found: Find::Nothing,
        });
    };
    let found = match record {
        Value::Nil => Find::Nothing,
        Value::BulkString(record) => find(record, field, known.now),
        Value::ServerError(error) if is_wrong_type(&error) => {
            Find::Unreadable("what stands there is of another type than a record")
        }
        Value::ServerError(error) => return Err(RedisLinkError::server(&error)),
        _ => return Err(READ_NOT_UNDERSTOOD),
    };
    Ok(ReadAnswer {
        at: Some(at),
        tag_clock,
        found,
    })
}

/// Epoch, number and tag clock of a partition.
fn in_control(control: &Value) -> Option<(Asof, u64)> {
    let [epoch, seq, clock] = items(control)? else {
        return None;
    };
    Some((asof(epoch, seq)?, number(clock)?))
}

/// The server's clock in milliseconds since 1970.
fn now(time: &Value) -> Option<u64> {
    let [seconds, micros] = items(time)? else {
        return None;
    };
    Some(number(seconds)? * 1000 + number(micros)? / 1000)
}

/// What stands in a field of a record.
fn find(mut record: Vec<u8>, field: &str, now: u64) -> Find {
    let (meta, payload, is_expired) = match wire::segment(&record, field) {
        Ok(Some(segment)) => (segment.meta, segment.payload, segment.is_expired),
        Ok(None) => return Find::Nothing,
        Err(why) => return Find::Unreadable(why),
    };
    if meta.kept_until <= now {
        return Find::Nothing;
    }
    let left = |until: u64| Duration::from_millis(until.saturating_sub(now));
    let fresh_until = meta.fresh_until.min(meta.kept_until);
    // The record becomes the payload, in the same memory: it is nearly all of it.
    record.truncate(payload.end);
    record.drain(..payload.start);
    Find::Record(FoundRecord {
        payload: record,
        tags: meta.tags,
        tag_clock: meta.tag_clock,
        epoch: meta.epoch,
        fresh_for: match is_expired {
            true => Duration::ZERO,
            false => left(fresh_until),
        },
        kept_for: left(meta.kept_until),
    })
}

/// What came of a fill.
pub(super) struct Filled {
    pub(super) answer: FillAnswer,
    /// Nothing where there is no control record.
    pub(super) epoch: Option<Epoch>,
    /// Whether what stood there was of another type than a record.
    pub(super) replaced_another: bool,
}

pub(super) fn fill(answer: &Value) -> Option<Filled> {
    let [word, epoch, seq, rest @ ..] = items(answer)? else {
        return None;
    };
    let word = bytes(word)?;
    let at = match word {
        b"refused" if bytes(epoch)?.is_empty() => Asof::default(),
        _ => asof(epoch, seq)?,
    };
    let answer = match word {
        b"stored" => FillAnswer::Stored(at),
        b"refused" => FillAnswer::Refused(at),
        _ => return None,
    };
    Some(Filled {
        answer,
        epoch: (at != Asof::default()).then_some(at.epoch),
        replaced_another: rest.first().and_then(bytes) == Some(b"type"),
    })
}

/// An invalidation that was applied.
pub(super) fn applied(answer: &Value) -> Option<Applied> {
    let [epoch, seq, clock, ..] = items(answer)? else {
        return None;
    };
    Some(Applied {
        at: asof(epoch, seq)?,
        tag_clock: number(clock)?,
    })
}

/// Whether a put was stored as well.
pub(super) fn was_stored(answer: &Value) -> bool {
    let word = items(answer).and_then(|items| items.get(3)).and_then(bytes);
    word == Some(b"stored")
}

/// When groups were purged: two generations, and the floor.
pub(super) fn purged(answers: &[Value], groups: usize) -> Option<PurgedAnswer> {
    let [young, old, control] = answers else {
        return None;
    };
    let [epoch, clock, floor, rotated] = items(control)? else {
        return None;
    };
    let is_whole = |generation: &Value| {
        let mark = items(generation).and_then(|items| items.first());
        bytes(epoch).is_some() && mark.and_then(bytes) == bytes(epoch)
    };
    let (clock, rotated) = (number_or_zero(clock)?, number_or_zero(rotated)?);
    let mut floor_now = number_or_zero(floor)?;
    // A generation in which something was purged, and which is not there, was evicted: whatever was in
    // it counts for everything.
    if rotated > floor_now && !is_whole(old) {
        floor_now = rotated;
    }
    if clock > rotated && !is_whole(young) {
        floor_now = clock;
    }
    let (young, old) = (generation(young, groups)?, generation(old, groups)?);
    let both = young.into_iter().zip(old);
    Some(PurgedAnswer {
        epoch: match epoch {
            Value::Nil => None,
            epoch => Some(bytes(epoch).and_then(crate::wire::epoch)?),
        },
        times: both
            .map(|(young, old)| PurgeTimes {
                removed: young.removed.max(old.removed),
                expired: young.expired.max(old.expired),
            })
            .collect(),
        floor: floor_now,
    })
}

fn generation(answer: &Value, groups: usize) -> Option<Vec<PurgeTimes>> {
    // The first one is the epoch, which was looked at.
    let times = items(answer)?.get(1..)?;
    let times = times.chunks_exact(2).map(|times| {
        Some(PurgeTimes {
            removed: number_or_zero(times.first()?)?,
            expired: number_or_zero(times.get(1)?)?,
        })
    });
    let times: Vec<PurgeTimes> = times.collect::<Option<_>>()?;
    (times.len() == groups).then_some(times)
}

/// What a poll was answered, and the epoch in which.
pub(super) fn poll(answer: &Value, known: Asof) -> Option<(PollAnswer, Epoch)> {
    let [word, epoch, seq, clock, bound, rest @ ..] = items(answer)? else {
        return None;
    };
    let at = asof(epoch, seq)?;
    let tag_clock = number(clock)?;
    let bound = Duration::from_millis(number(bound)?);
    let end = |reason| PollAnswer::Break {
        at,
        tag_clock,
        bound,
        reason,
    };
    let answer = match bytes(word)? {
        b"none" => PollAnswer::UpToDate,
        b"start" => end(BreakReason::Start),
        b"epoch" => end(BreakReason::Epoch),
        b"identity" => end(BreakReason::Identity),
        b"behind" => end(BreakReason::Behind),
        b"log" => match rest.first().and_then(|entries| replay(entries, known, at)) {
            Some(changes) => PollAnswer::Replay {
                more: changes.last().is_some_and(|(last, _)| *last != at),
                changes,
            },
            None => end(BreakReason::Log),
        },
        _ => return None,
    };
    Some((answer, at.epoch))
}

/// The entries of the log, if they are what comes after `known` without a hole.
fn replay(entries: &Value, known: Asof, at: Asof) -> Option<Vec<(Asof, Change)>> {
    let mut next = known.seq.number();
    let mut changes = Vec::new();
    for entry in items(entries)? {
        if next == at.seq.number() {
            break;
        }
        next += 1;
        let [id, name, change] = items(entry)? else {
            return None;
        };
        let id = bytes(id)?.strip_suffix(b"-0")?;
        if wire::number(id)? != next || bytes(name)? != b"c" {
            return None;
        }
        let seq = Seq::new(next);
        changes.push((Asof { seq, ..at }, wire::change(bytes(change)?)?));
    }
    (!changes.is_empty()).then_some(changes)
}

fn asof(epoch: &Value, seq: &Value) -> Option<Asof> {
    Some(Asof {
        epoch: wire::epoch(bytes(epoch)?)?,
        seq: Seq::new(number(seq)?),
    })
}

fn number(value: &Value) -> Option<u64> {
    wire::number(bytes(value)?)
}

fn number_or_zero(value: &Value) -> Option<u64> {
    match value {
        Value::Nil => Some(0),
        value => number(value),
    }
}

fn is_wrong_type(error: &deadpool_redis::redis::ServerError) -> bool {
    error.code() == "WRONGTYPE"
}
