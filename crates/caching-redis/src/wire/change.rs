//! An invalidation as it stands in the log and in a notice.
//!
//! Keys are `k`, the mode and the names a line each; a group is `g`, the mode, the tag clock and its name.
//! The mode is `r` for remove and `e` for expire.

use caching_core::{Asof, Change, KeyName, Mode, Notice, Partition, Seq};

use super::number::{epoch, number};

/// The longest change that is written or read, in bytes.
pub(crate) const LONGEST_CHANGE: usize = 16 * 1024 * 1024;

/// A change of keys. A script writes that of a group, which alone knows the clock.
pub(crate) fn encode_change(keys: &[KeyName], mode: Mode) -> String {
    let names = keys.iter().map(|key| key.as_str().len() + 1).sum::<usize>();
    let mut text = String::with_capacity(3 + names);
    text.push('k');
    text.push_str(encode_mode(mode));
    for (place, key) in keys.iter().enumerate() {
        text.push(if place == 0 { ' ' } else { '\n' });
        text.push_str(key.as_str());
    }
    text
}

/// A mode.
pub(crate) const fn encode_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Remove => "r",
        Mode::Expire => "e",
    }
}

/// Reads a change.
pub(crate) fn change(bytes: &[u8]) -> Option<Change> {
    if bytes.len() > LONGEST_CHANGE {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mode = match kind.as_bytes() {
        [_, b'r'] => Mode::Remove,
        [_, b'e'] => Mode::Expire,
        _ => return None,
    };
    if kind.starts_with('k') {
        let keys: Result<_, _> = rest.split('\n').map(KeyName::parse).collect();
        return Some(Change::Keys {
            keys: keys.ok()?,
            mode,
        });
    }
    if kind.starts_with('g') {
        let (clock, group) = rest.split_once(' ')?;
        return (!group.is_empty()).then_some(Change::Group {
            group: group.to_owned(),
            clock: number(clock.as_bytes())?,
            mode,
        });
    }
    None
}

/// Reads a notice: `1 EPOCH NUMBER CHANGE`.
pub(crate) fn notice(bytes: &[u8]) -> Option<Notice> {
    let rest = bytes.strip_prefix(b"1 ")?;
    let (in_epoch, rest) = rest.split_at_checked(32)?;
    let rest = rest.strip_prefix(b" ")?;
    let end = rest.iter().take(17).position(|byte| *byte == b' ')?;
    let (seq, rest) = rest.split_at(end);
    Some(Notice {
        partition: Partition::new(0),
        at: Asof {
            epoch: epoch(in_epoch)?,
            seq: Seq::new(number(seq)?),
        },
        change: change(rest.strip_prefix(b" ")?)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(texts: &[&str]) -> Vec<KeyName> {
        texts.iter().flat_map(|text| KeyName::parse(text)).collect()
    }

    #[test]
    fn keys_are_read_as_they_were_written() {
        for keys in [
            names(&["shared k:"]),
            names(&["t:acme invoice:7", "shared k:a:b"]),
        ] {
            for mode in [Mode::Remove, Mode::Expire] {
                let read = change(encode_change(&keys, mode).as_bytes());
                let keys = keys.clone();
                assert_eq!(read, Some(Change::Keys { keys, mode }));
            }
        }
    }

    #[test]
    fn a_group_is_read_with_its_clock() {
        let read = change(b"ge 17 t:acme tag:customer:7");
        let is = Change::Group {
            group: "t:acme tag:customer:7".to_owned(),
            clock: 17,
            mode: Mode::Expire,
        };
        assert_eq!(read, Some(is));
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for text in [
            "",
            "k",
            "kx a b:c",
            "xr a b:c",
            "kr nokey",
            "kr a b:c\n",
            "gr *",
            "gr x *",
            "gr 1 ",
        ] {
            assert_eq!(change(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn every_truncation_of_a_notice_is_read_without_a_panic() {
        let whole = "1 0000000000000000000000000000002a 7 kr shared k:abc";
        assert!(notice(whole.as_bytes()).is_some_and(|notice| notice.at.seq == Seq::new(7)));
        for length in 0..whole.len() {
            let read = notice(&whole.as_bytes()[..length]);
            // Cut in the text of the last key it names another key; cut anywhere else it is none.
            let is_cut_in_text = length >= whole.len() - "abc".len();
            assert_eq!(read.is_some(), is_cut_in_text, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, tail: String) {
            let _ = change(&bytes);
            let _ = notice(&bytes);
            let _ = notice(format!("1 0000000000000000000000000000002a {tail}").as_bytes());
        }
    }
}
