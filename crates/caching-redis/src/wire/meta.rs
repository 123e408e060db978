//! What stands beside a value: `1 EPOCH CLOCK FRESH KEPT`, then each tag as ` LENGTH:TAG`.

use std::fmt::Write;

use caching_core::{Epoch, MAX_TAG_LENGTH, MAX_TAGS, Tag};

use super::number::{epoch, leading, number};

/// More than the most that is ever written.
const LONGEST: usize = 256 + MAX_TAGS * (MAX_TAG_LENGTH + 8);

/// What stands beside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) epoch: Epoch,
    pub(crate) tag_clock: u64,
    /// On the server's clock, in milliseconds since 1970.
    pub(crate) fresh_until: u64,
    /// On the server's clock, in milliseconds since 1970.
    pub(crate) kept_until: u64,
    pub(crate) tags: Vec<Tag>,
}

/// The tags as they stand at the end; a script writes what is before them.
pub(crate) fn encode_tags(tags: &[Tag]) -> String {
    let mut text = String::with_capacity(tags.iter().map(|tag| tag.as_str().len() + 5).sum());
    for tag in tags {
        // Writing to a string cannot fail.
        let _ = write!(text, " {}:{}", tag.as_str().len(), tag.as_str());
    }
    text
}

/// Reads what stands beside a value.
pub(crate) fn meta(bytes: &[u8]) -> Option<Meta> {
    if bytes.len() > LONGEST {
        return None;
    }
    let (in_epoch, mut rest) = bytes.strip_prefix(b"1 ")?.split_at_checked(32)?;
    let mut next = || {
        let (number, after) = leading(rest.strip_prefix(b" ")?)?;
        rest = after;
        Some(number)
    };
    let (tag_clock, fresh_until, kept_until) = (next()?, next()?, next()?);
    Some(Meta {
        epoch: epoch(in_epoch)?,
        tag_clock,
        fresh_until,
        kept_until,
        tags: match rest {
            [] => Vec::new(),
            rest => tags(rest.strip_prefix(b" ")?)?,
        },
    })
}

fn tags(bytes: &[u8]) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = std::str::from_utf8(bytes).ok()?;
    while !rest.is_empty() {
        let (length, after) = rest.split_once(':')?;
        let length = usize::try_from(number(length.as_bytes())?).ok()?;
        if length > MAX_TAG_LENGTH || tags.len() == MAX_TAGS {
            return None;
        }
        tags.push(Tag::from(after.get(..length)?));
        let after = after.get(length..)?;
        rest = match after.strip_prefix(' ') {
            Some(next) if !next.is_empty() => next,
            Some(_) => return None,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EPOCH: &str = "0000000000000000000000000000002a";

    fn written(tags: &[Tag]) -> String {
        format!("1 {EPOCH} 7 1000 2000{}", encode_tags(tags))
    }

    #[test]
    fn what_was_written_is_read() {
        for tags in [
            vec![],
            vec![Tag::from("customer:7")],
            vec![Tag::from("a b"), Tag::from("1:x"), Tag::from("\u{e9}\n")],
        ] {
            let read = meta(written(&tags).as_bytes());
            assert_eq!(
                read,
                Some(Meta {
                    epoch: Epoch::new(42),
                    tag_clock: 7,
                    fresh_until: 1000,
                    kept_until: 2000,
                    tags
                })
            );
        }
    }

    #[test]
    fn every_truncation_is_refused_or_ends_at_a_tag() {
        let whole = written(&[Tag::from("ab"), Tag::from("cd")]);
        for length in 0..whole.len() {
            let Some(read) = meta(&whole.as_bytes()[..length]) else {
                continue;
            };
            // A text that was cut between two tags, or in the last number, reads as a shorter one.
            assert!(read.tags.len() < 2 && read.kept_until <= 2000, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, tail: String) {
            let _ = meta(&bytes);
            let _ = meta(format!("1 {EPOCH} 7 1000 2000 {tail}").as_bytes());
        }

        #[test]
        fn any_tags_are_read_as_they_were_written(
            texts in proptest::collection::vec(".{1,40}", 0..8)
        ) {
            let tags: Vec<Tag> = texts.into_iter().map(Tag::from).collect();
            prop_assert_eq!(meta(written(&tags).as_bytes()).map(|meta| meta.tags), Some(tags));
        }
    }
}
