//! What a factory says of its load beyond its answer, read once it has ended.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::entry::{Content, Validators};
use crate::error::BoxError;
use crate::options::EntryOptions;
use crate::tag::{Tag, Tags};

/// What a factory changed about the entry it loads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) options: EntryOptions,
    pub(crate) tags: Tags,
    pub(crate) is_kept_out: bool,
    pub(crate) validators: Validators,
}

impl Changes {
    /// What the source said of the version of the value, if anything.
    pub(crate) fn validators(&self) -> Option<Arc<Validators>> {
        (!self.validators.is_empty()).then(|| Arc::new(self.validators.clone()))
    }
}

/// The changes, written by the factory and read once it has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedChanges(Arc<Mutex<Changes>>);

/// What is left of the last value.
#[derive(Clone, Debug)]
pub(crate) struct Old {
    pub(crate) content: Content,
    pub(crate) tags: Option<Arc<[Tag]>>,
    pub(crate) validators: Option<Arc<Validators>>,
}

impl SharedChanges {
    pub(super) fn change(&self, change: impl FnOnce(&mut Changes)) {
        // Held for an assignment; a factory that panicked is not stored at all.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn take(&self) -> Changes {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An error by which the factory says that the old value has not changed.
    pub(super) fn not_modified(&self) -> BoxError {
        Box::new(NotModified(self.clone()))
    }

    /// The old value with its tags, if that is what the error of the factory says.
    pub(super) fn kept(&self, old: Option<Old>, error: &BoxError) -> Option<Content> {
        let old = old.filter(|_| self.is_not_modified(error))?;
        self.change(|changes| {
            changes.tags.extend(old.tags.as_deref().unwrap_or(&[]));
            // A source that says nothing of the version says that it is the same.
            if let (true, Some(validators)) = (changes.validators.is_empty(), old.validators) {
                changes.validators = (*validators).clone();
            }
        });
        Some(old.content)
    }

    /// Whether an error says so of this load: a factory may wrap it in one of its own, or come upon that
    /// of another load.
    fn is_not_modified(&self, error: &BoxError) -> bool {
        let mut next: Option<&(dyn Error + 'static)> = Some(error.as_ref());
        while let Some(error) = next {
            if let Some(NotModified(changes)) = error.downcast_ref() {
                return Arc::ptr_eq(&changes.0, &self.0);
            }
            next = match error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                // Its `source` is that of what it was made of.
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        false
    }
}

/// The old value has not changed: the answer of a factory, though it is no value.
#[derive(Debug, thiserror::Error)]
#[error(
    "the source says that nothing was modified, and there is no old value to keep; \
     ask it conditionally only where there is an `etag()`, a `last_modified()` or a `stale()`"
)]
struct NotModified(SharedChanges);
