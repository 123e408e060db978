//! What a caller asks for, what it takes for an answer, and what it gets.

use std::sync::Arc;
use std::time::Duration;

use crate::entry::Content;
use crate::error::BoxError;
use crate::flow::FactoryContext;
use crate::flow::engine::named;
use crate::key::StoredKey;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::scope::BoxFuture;
use crate::tag::{Tag, Tags};
use crate::value::ValueType;

/// A factory without its types.
pub(crate) type Factory =
    Box<dyn FnOnce(FactoryContext) -> BoxFuture<'static, Result<Content, BoxError>> + Send>;

/// What a caller asks for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) key: StoredKey,
    /// That of its kind, which all share, unless the call has options of its own.
    pub(crate) profile: Arc<Profile>,
    pub(crate) value_type: ValueType,
    pub(crate) tags: Tags,
    /// Whether "there is none" is an answer.
    pub(crate) takes_absent: bool,
    /// What to give in place of an error where there is nothing stale.
    pub(crate) default: Option<Content>,
    /// Whether what is kept is fresh, and is refreshed early.
    pub(crate) is_refresh: bool,
}

/// What a caller takes for an answer: of a request, all that matters to one who waits.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) value_type: ValueType,
    pub(crate) takes_absent: bool,
    pub(crate) default: Option<&'a Content>,
}

/// What a caller gets.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) content: Content,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) outcome: Outcome,
    /// The tags of the value, and the tag clock before it was loaded.
    pub(crate) tags: Option<Arc<[Tag]>>,
    pub(crate) tag_clock: u64,
    /// Whether the factory kept it out of the cache: it is for the caller whose factory it was.
    pub(crate) is_private: bool,
    /// How far the source may lag that it was loaded from, as its caller or its factory said.
    pub(crate) source_lag: Duration,
}

impl Request {
    /// The key as errors name it.
    pub(crate) fn name(&self) -> String {
        named(self.key.kind(), self.key.as_ref().text)
    }

    /// The same for its caller, who waits: its tags matter to who boards and who loads.
    pub(super) fn without_tags(&self) -> Self {
        Self {
            key: self.key.clone(),
            profile: Arc::clone(&self.profile),
            value_type: self.value_type,
            tags: Tags::new(),
            takes_absent: self.takes_absent,
            default: self.default.clone(),
            is_refresh: self.is_refresh,
        }
    }

    /// What its caller takes for an answer.
    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms {
            profile: &self.profile,
            value_type: self.value_type,
            takes_absent: self.takes_absent,
            default: self.default.as_ref(),
        }
    }
}

impl Terms<'_> {
    /// What the caller gives in place of an error, if anything.
    pub(crate) fn default(&self) -> Option<Answer> {
        let content = self.default.filter(|_| self.profile.fail_safe)?;
        Some(Answer {
            outcome: Outcome::stale(Level::L1),
            ..Answer::of_now(content.clone(), self.value_type.name_fn())
        })
    }

    /// Whether an answer is one to this caller.
    pub(crate) fn takes(&self, answer: &Answer) -> bool {
        (self.takes_absent || matches!(answer.content, Content::Value(_)))
            && (self.profile.fail_safe || !answer.outcome.is_stale())
    }
}

impl Answer {
    /// A hit for one caller alone, who looked just now: nothing of it can be outdated.
    pub(crate) fn of_now(content: Content, type_name: fn() -> &'static str) -> Self {
        Self {
            content,
            type_name,
            outcome: Outcome::hit(Level::L1),
            tags: None,
            tag_clock: u64::MAX,
            is_private: false,
            source_lag: Duration::ZERO,
        }
    }
}
