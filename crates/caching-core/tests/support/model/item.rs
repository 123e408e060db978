//! What is cached in the model's world: a few keys of three kinds, in three scopes.

use std::sync::Arc;

use caching_core::{BoxFuture, Key, KeyKind, KeyOf, KeyScope, NoScope, ScopeId, Tags, ValueType};

/// A key. Two are plain, one has a kind with a profile and a tag, and one is shared by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    One,
    Two,
    Page,
    Rate,
}

impl Item {
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Page, Self::Rate];

    /// The tags that come with its type.
    pub fn own_tags(self) -> &'static [&'static str] {
        match self {
            Self::Page => &["red"],
            Self::One | Self::Two | Self::Rate => &[],
        }
    }
}

impl Key for Item {
    fn kind(&self) -> KeyKind {
        match self {
            Self::One | Self::Two => KeyKind::PLAIN,
            Self::Page => KeyKind::new("page"),
            Self::Rate => KeyKind::new("rate"),
        }
    }

    fn is_shared(&self) -> bool {
        *self == Self::Rate
    }

    fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(match self {
            Self::One => b"one",
            Self::Two => b"two",
            Self::Page | Self::Rate => b"7",
        })
    }

    fn tags(&self, tags: &mut Tags) {
        tags.extend(self.own_tags().iter().copied());
    }
}

impl KeyOf<u32> for Item {
    fn value_type(&self) -> ValueType {
        ValueType::of::<u32>()
    }
}

/// Whose an entry is: two tenants, and 0 for everybody.
pub const TENANTS: u32 = 3;

/// An entry's place: whose it is, and what.
pub type Place = (u32, Item);

/// Where a call that is made for a tenant finds a key.
pub fn place(tenant: u32, item: Item) -> Place {
    match item.is_shared() {
        true => (0, item),
        false => (tenant, item),
    }
}

/// Scopes that are always said, never taken from around the call.
pub struct Tenants;

impl KeyScope for Tenants {
    fn current(&self) -> Result<ScopeId, NoScope> {
        Err(NoScope::new("say whose"))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        match id {
            ScopeId::SHARED => caching_core::SHARED_SCOPE_TEXT.into(),
            id => format!("t:{}", id.as_u32()).into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        let number = text.strip_prefix("t:").and_then(|id| id.parse().ok());
        number.map(ScopeId::new).ok_or_else(|| NoScope::new("t:1"))
    }

    fn enter<'a>(&self, _: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        work
    }
}
