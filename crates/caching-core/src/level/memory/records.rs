//! The records: for each key its fields side by side, each with a life of its own.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Tick;
use crate::coherence::Epoch;
use crate::key::KeyName;
use crate::level::{Address, FoundRecord, Record};

/// As few records are not worth sweeping.
const FEW: usize = 1024;

/// What is stored, by key.
#[derive(Clone, Default)]
pub(super) struct Records {
    by_key: HashMap<KeyName, Fields>,
    /// How many there may be before the dead are swept out.
    sweep_at: usize,
}

/// The record of a key.
#[derive(Clone, Default)]
struct Fields {
    /// The key was expired: nothing here is fresh, all of it is still a fallback.
    is_expired: bool,
    by_name: BTreeMap<String, Stored>,
}

#[derive(Clone)]
struct Stored {
    record: Record,
    epoch: Epoch,
    at: Tick,
}

impl Records {
    /// Replaces what is in a field. An expired key loses its other fields, and is no longer expired.
    pub(super) fn replace_field(
        &mut self,
        address: Address<'_>,
        record: &Record,
        epoch: Epoch,
        now: Tick,
    ) {
        self.sweep(now);
        let fields = self.by_key.entry(address.key.clone()).or_default();
        if std::mem::take(&mut fields.is_expired) {
            fields.by_name.clear();
        }
        let stored = Stored {
            record: record.clone(),
            epoch,
            at: now,
        };
        fields.by_name.insert(address.field.to_owned(), stored);
    }

    /// What is in a field, if it is still kept.
    pub(super) fn find(&self, key: &KeyName, field: &str, now: Tick) -> Option<FoundRecord> {
        let fields = self.by_key.get(key)?;
        fields.by_name.get(field)?.found(fields.is_expired, now)
    }

    /// Removes the record of a key.
    pub(super) fn remove(&mut self, key: &KeyName) {
        self.by_key.remove(key);
    }

    /// Marks the record of a key as expired, if there is one.
    pub(super) fn expire(&mut self, key: &KeyName) {
        if let Some(fields) = self.by_key.get_mut(key) {
            fields.is_expired = true;
        }
    }

    /// Everything that is still kept.
    pub(super) fn iter(
        &self,
        now: Tick,
    ) -> impl Iterator<Item = (&KeyName, &str, bool, FoundRecord)> {
        self.by_key.iter().flat_map(move |(key, fields)| {
            fields.by_name.iter().filter_map(move |(field, stored)| {
                let found = stored.found(fields.is_expired, now)?;
                Some((key, field.as_str(), fields.is_expired, found))
            })
        })
    }

    /// Drops what is dead, each time that there are twice as many records as were left the last time.
    fn sweep(&mut self, now: Tick) {
        if self.by_key.len() < self.sweep_at.max(FEW) {
            return;
        }
        self.by_key.retain(|_, fields| {
            fields.by_name.retain(|_, stored| stored.is_kept(now));
            !fields.by_name.is_empty()
        });
        self.sweep_at = self.by_key.len() * 2;
    }
}

impl Stored {
    fn stale_at(&self) -> Tick {
        self.at.after(self.record.duration)
    }

    fn gone_at(&self) -> Tick {
        self.stale_at().after(self.record.retention)
    }

    /// At its very end a record is gone, so one without a life never was.
    fn is_kept(&self, now: Tick) -> bool {
        now < self.gone_at()
    }

    fn found(&self, is_expired: bool, now: Tick) -> Option<FoundRecord> {
        let fresh_until = if is_expired { now } else { self.stale_at() };
        self.is_kept(now).then(|| FoundRecord {
            payload: self.record.payload.clone(),
            tags: self.record.tags.clone(),
            tag_clock: self.record.tag_clock,
            epoch: self.epoch,
            fresh_for: fresh_until.since(now),
            kept_for: self.gone_at().since(now),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::coherence::Partition;

    #[test]
    fn records_that_have_died_take_no_room() {
        let mut records = Records::default();
        let mut now = Tick::ZERO;
        let record = Record {
            payload: Vec::new(),
            duration: Duration::from_secs(1),
            retention: Duration::ZERO,
            tags: Vec::new(),
            tag_clock: 0,
        };
        for number in 0..100_000 {
            now = now.after(Duration::from_millis(10));
            let key = KeyName::new("shared", "key", &number.to_string());
            let address = Address::new(Partition::new(0), &key, "json.1");
            records.replace_field(address, &record, Epoch::new(1), now);
        }
        assert!(records.by_key.len() <= FEW, "{}", records.by_key.len());
    }
}
