//! What the keys and the channel of a deployment are called in Redis.

use std::borrow::Cow;

use caching_core::{Address, KeyName};

/// The names of a deployment. All keys carry one hash tag, so that they live in one slot.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The prefix in braces: what Redis hashes.
    tag: String,
    /// Control record, log, tags, tags of before: the keys that most scripts take, in that order.
    pub(crate) shared: [String; 4],
    pub(crate) deployment: String,
    pub(crate) channel: String,
}

impl Names {
    /// The names below a prefix. Channels are not per database in Redis, so another database than 0 is
    /// part of the channel's name.
    pub(crate) fn new(prefix: &str, database: i64) -> Self {
        let tag = format!("{{{prefix}}}");
        let channel = match database {
            0 => format!("{tag}:@notices"),
            database => format!("{tag}:@notices:{database}"),
        };
        Self {
            shared: ["@control", "@log", "@tags", "@tags:old"].map(|name| format!("{tag}:{name}")),
            deployment: format!("{tag}:@deployment"),
            channel,
            tag,
        }
    }

    pub(crate) fn control(&self) -> &str {
        &self.shared[0]
    }

    pub(crate) fn tags(&self) -> &str {
        &self.shared[2]
    }

    pub(crate) fn tags_of_before(&self) -> &str {
        &self.shared[3]
    }

    /// The record of a key: `{PREFIX}:SCOPE:KIND:TEXT`.
    pub(crate) fn record(&self, key: &KeyName) -> String {
        let mut record = String::with_capacity(self.length(key));
        self.write(key, &mut record);
        record
    }

    /// Writes the same behind what is there: whoever asks for many makes room for one.
    pub(crate) fn write(&self, key: &KeyName, record: &mut String) {
        let of_key = key.scope();
        // Kind and text as they stand in the name, with the colon between them.
        let rest = key.as_str().get(of_key.len() + 1..).unwrap_or_default();
        record.push_str(&self.tag);
        record.push(':');
        record.push_str(&scope(of_key));
        record.push(':');
        record.push_str(rest);
    }

    /// About how long it is.
    pub(crate) fn length(&self, key: &KeyName) -> usize {
        self.tag.len() + 1 + key.as_str().len()
    }

    /// The claim on a record: each field is loaded on its own.
    pub(crate) fn claim(&self, address: Address<'_>) -> String {
        let (key, field) = (address.key, escaped(address.field));
        let (scope, kind, text) = (scope(key.scope()), key.kind(), key.text());
        format!("{}:@claim:{field}:{scope}:{kind}:{text}", self.tag)
    }
}

/// A scope as it stands in a key: as it is where that is `t:ID` or one word, as all of ours are.
///
/// Others are escaped, so that no two names of keys meet in one: a kind holds no colon, hence a key is taken
/// apart by its first colon, or its second where it begins with `t:`.
fn scope(scope: &str) -> Cow<'_, str> {
    match scope.strip_prefix("t:") {
        Some(id) => match escaped(id) {
            Cow::Borrowed(_) => Cow::Borrowed(scope),
            Cow::Owned(id) => Cow::Owned(format!("t:{id}")),
        },
        None if scope == "t" => Cow::Borrowed("%74"),
        // Names that begin with it are the store's own.
        None if scope.starts_with('@') => Cow::Owned(format!("%40{}", escaped(&scope[1..]))),
        None => escaped(scope),
    }
}

/// A text without colons; another one for each text.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains([':', '%']) {
        Cow::Owned(text.replace('%', "%25").replace(':', "%3A"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a prefix can be a hash tag: visible ASCII without braces.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    !prefix.is_empty()
        && prefix
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'))
}

#[cfg(test)]
mod tests {
    use caching_core::Partition;

    use super::*;

    #[test]
    fn every_key_carries_the_prefix_as_its_hash_tag() -> Result<(), caching_core::NotAKeyName> {
        let names = Names::new("shop", 0);
        let key = KeyName::parse("t:acme invoice:7")?;
        assert_eq!(names.record(&key), "{shop}:t:acme:invoice:7");
        assert_eq!(names.control(), "{shop}:@control");
        assert_eq!(names.channel, "{shop}:@notices");
        assert_eq!(Names::new("shop", 3).channel, "{shop}:@notices:3");
        let address = Address::new(Partition::new(0), &key, "json.1");
        assert_eq!(
            names.claim(address),
            "{shop}:@claim:json.1:t:acme:invoice:7"
        );
        Ok(())
    }

    #[test]
    fn names_that_look_alike_are_different_records() -> Result<(), caching_core::NotAKeyName> {
        let names = Names::new("shop", 0);
        let alike = [
            "t:a b:c:d",
            "t:a:b c:d",
            "t a:b:c:d",
            "t:a%3Ab c:d",
            "%74 a:b:c:d",
            "@control k:",
            "%40control k:",
        ];
        let mut records = Vec::new();
        for name in alike {
            records.push(names.record(&KeyName::parse(name)?));
        }
        assert_eq!(records[0], "{shop}:t:a:b:c:d");
        assert!(
            !records.iter().any(|record| record.contains(":@")),
            "{records:?}"
        );
        records.sort();
        records.dedup();
        assert_eq!(records.len(), alike.len(), "{records:?}");
        Ok(())
    }

    #[test]
    fn a_prefix_with_braces_is_none() {
        assert!(is_prefix("shop:eu"));
        for prefix in ["", "a{b", "}", "a b", "\u{e9}"] {
            assert!(!is_prefix(prefix), "{prefix:?}");
        }
    }
}
