//! Groups of entries, and how processes name them to each other.

use crate::key::{KeyKind, printable};
use crate::scope::{KeyScope, ScopeId};
use crate::tag::Tag;

/// A group of entries that is invalidated at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    /// All of the cache.
    Everything,
    /// All of a scope.
    Scope(ScopeId),
    /// A kind within a scope.
    Kind(ScopeId, KeyKind),
    /// What carries a tag within a scope.
    Tag(ScopeId, Tag),
}

/// The name of [`Group::Everything`].
const EVERYTHING: &str = "*";

impl Group {
    /// The name outside the process: `*`, `SCOPE`, `SCOPE kind:KIND` or `SCOPE tag:TAG`.
    pub(crate) fn name(&self, scopes: &dyn KeyScope) -> String {
        match self {
            Self::Everything => EVERYTHING.to_owned(),
            Self::Scope(scope) => scopes.text(*scope).to_string(),
            Self::Kind(scope, kind) => format!("{} kind:{kind}", scopes.text(*scope)),
            Self::Tag(scope, tag) => {
                format!("{} tag:{}", scopes.text(*scope), escaped(tag.as_str()))
            }
        }
    }

    /// The groups that a key belongs to, whatever its tags.
    pub(crate) fn of_key(scope: ScopeId, kind: KeyKind) -> [Self; 3] {
        [
            Self::Everything,
            Self::Scope(scope),
            Self::Kind(scope, kind),
        ]
    }
}

/// A tag in visible ASCII; another one for each tag.
fn escaped(tag: &str) -> String {
    // A `%` of its own is told from one that is written here.
    printable(tag.replace('%', "%25").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::SharedScope;

    #[test]
    fn two_tags_never_have_one_name() {
        let name = |tag: &str| Group::Tag(ScopeId::SHARED, tag.into()).name(&SharedScope);
        assert_eq!(name("customer:7"), "shared tag:customer:7");
        assert_ne!(name("a b"), name("a%20b"));
        assert!(name("a\n\u{e9}").is_ascii());
    }
}
