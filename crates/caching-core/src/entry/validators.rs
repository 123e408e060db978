//! What a source says of the version of a value: an entity tag and a date, to ask it with again.

use std::time::SystemTime;

/// The longest entity tag that is kept: a source chooses it, and an entry has room for it.
pub(crate) const LONGEST_ETAG: usize = 1024;

/// The validators of a value, as HTTP has them (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    etag: Option<Box<str>>,
    last_modified: Option<SystemTime>,
}

impl Validators {
    pub(crate) fn new(etag: Option<&str>, last_modified: Option<SystemTime>) -> Self {
        let mut validators = Self::default();
        validators.set_etag(etag.unwrap_or_default());
        validators.last_modified = last_modified;
        validators
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    pub(crate) const fn last_modified(&self) -> Option<SystemTime> {
        self.last_modified
    }

    /// Sets the entity tag; an empty one, or one that is too long to be kept, is none.
    pub(crate) fn set_etag(&mut self, etag: &str) {
        let is_kept = (1..=LONGEST_ETAG).contains(&etag.len());
        self.etag = is_kept.then(|| etag.into());
    }

    pub(crate) fn set_last_modified(&mut self, at: SystemTime) {
        self.last_modified = Some(at);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}
