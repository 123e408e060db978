//! The names of the tests that a Rust file holds.

use std::collections::BTreeSet;

use super::code::{Word, words};

/// The tests of one file.
pub(super) struct TestNames(BTreeSet<String>);

impl TestNames {
    /// Reads `#[test]`, and any attribute whose path ends in it, such as `#[tokio::test]`; a test
    /// inside `proptest!` has one too. A macro of the file that writes tests makes one of each name
    /// that it is called with.
    pub(super) fn read(text: &str) -> Self {
        let words = words(text);
        let (mut names, makers) = marked(&words);
        for maker in makers {
            names.extend(called_with(&words, &maker));
        }
        Self(names)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The functions that are marked as tests, and the macros in which one is that has no name yet.
fn marked(words: &[Word]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut makers) = (BTreeSet::new(), BTreeSet::new());
    let mut last_macro = None;
    let mut is_marked = false;
    for (at, word) in words.iter().enumerate() {
        match word.text.as_str() {
            "#" if is_test_mark(&words[at + 1..]) => is_marked = true,
            "macro_rules" => last_macro = text(words, at + 2),
            "fn" if is_marked => {
                is_marked = false;
                match (text(words, at + 1), last_macro) {
                    // `fn $name`: the one who calls the macro says it.
                    (Some("$"), Some(maker)) => makers.insert(maker.to_owned()),
                    (Some(name), _) => names.insert(name.to_owned()),
                    (None, _) => false,
                };
            }
            // The item that was marked is none with a name that counts.
            "{" | "}" | ";" => is_marked = false,
            _ => {}
        }
    }
    (names, makers)
}

/// Whether these words, behind a `#`, are `[test]`, `[tokio::test(…)]` or alike.
fn is_test_mark(words: &[Word]) -> bool {
    let mut path = words.iter().map(|word| word.text.as_str());
    path.next() == Some("[")
        && path
            .take_while(|word| !matches!(*word, "]" | "(" | "="))
            .last()
            == Some("test")
}

/// Every word in the calls of a macro. Which of them are names is known to the macro alone; no
/// other word is taken for the name of a test, which is a sentence.
fn called_with<'a>(words: &'a [Word], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let calls = words
        .windows(2)
        .enumerate()
        .filter(move |(_, pair)| pair[0].text == name && pair[1].text == "!");
    calls.flat_map(|(at, _)| inside(&words[at + 2..]))
}

/// What stands between the bracket that comes first and the one that closes it.
fn inside(words: &[Word]) -> impl Iterator<Item = String> {
    let mut depth = 0_u32;
    words
        .iter()
        .take_while(move |word| {
            match word.text.as_str() {
                "(" | "{" | "[" => depth += 1,
                ")" | "}" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > 0
        })
        .map(|word| word.text.clone())
}

fn text(words: &[Word], at: usize) -> Option<&str> {
    words.get(at).map(|word| word.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::TestNames;

    #[test]
    fn every_way_to_mark_a_test_counts() {
        for text in [
            "#[test] fn it_holds() {}",
            "#[tokio::test(start_paused = true)]\nasync fn it_holds() {}",
            "#[test]\n#[cfg(unix)]\n/// Why.\npub(crate) fn it_holds() {}",
            "#[cfg(test)]\nmod tests { use super::f; #[test] fn it_holds() {} }",
            "proptest! { #![proptest_config(few())] #[test] fn it_holds(n in 0..9_u8) {} }",
        ] {
            assert!(TestNames::read(text).has("it_holds"), "{text}");
        }
    }

    #[test]
    fn what_only_resembles_a_test_does_not_count() {
        for text in [
            "fn it_holds() {}",
            "// #[test]\nfn it_holds() {}",
            "#[cfg(test)] fn it_holds() {}",
            "#[cfg_attr(feature, test)] struct S; fn it_holds() {}",
            "#[test] fn other() {} fn it_holds() {}",
            "#[other::test] mod m; fn it_holds() {}",
            "#[test] fn other() { fn it_holds() {} }",
            "#[test] fn other() { it_holds(); }",
            "#[test] fn it_holds() {",
        ] {
            assert!(!TestNames::read(text).has("it_holds"), "{text}");
        }
    }

    #[test]
    fn a_macro_that_writes_tests_makes_them_of_the_names_it_is_called_with() {
        let one = "macro_rules! case { ($name:ident, $of:expr) => { #[test] fn $name() {} }; }\n\
            case!(it_holds, 1);";
        let several = "macro_rules! cases { ($($n:ident: $of:expr;)*) => { $(#[test] fn $n() {})* }; }\n\
            cases! { first: f(1); it_holds: f(2); }";
        for text in [one, several] {
            assert!(TestNames::read(text).has("it_holds"), "{text}");
        }
        let other = one.replace("#[test]", "");
        assert!(!TestNames::read(&other).has("it_holds"));
        let behind = one.replace("it_holds, 1);", "other, 1); fn it_holds() {}");
        assert!(!TestNames::read(&behind).has("it_holds"));
        let elsewhere = one.replace("case!(it_holds, 1)", "let it_holds = 1");
        assert!(!TestNames::read(&elsewhere).has("it_holds"));
    }
}
