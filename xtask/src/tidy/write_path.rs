//! Code that writes raises events; the handlers, elsewhere, know the cache.

use super::code::shipped_words;
use super::finding::Finding;
use super::house::{House, is_test_code};

/// The files that write, `*` for any text in one part of a path, `**` for any number of parts.
const WRITE_PATH: &[&str] = &[
    "examples/**/src/**/write*.rs",
    "examples/**/src/**/write*/**",
    "examples/**/src/**/commands.rs",
    "examples/**/src/**/commands/**",
    "examples/**/src/**/store.rs",
    "examples/**/src/import/**",
];

/// The one crate of the caching family that they know: it has the bus and the events.
const EVENTS: &str = "caching_events";

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let writing = house
        .texts_ending(".rs")
        .filter(|(path, _)| WRITE_PATH.iter().any(|glob| matches(glob, path)));
    writing
        .filter(|(path, _)| !is_test_code(path))
        .flat_map(|(path, text)| {
            shipped_words(text)
                .into_iter()
                .filter(|word| is_cache(&word.text))
                .map(move |word| {
                    let message = format!(
                        "{} in code that writes; raise an event, and invalidate in its handler",
                        word.text
                    );
                    Finding::at(path, word.line, message)
                })
        })
        .collect()
}

fn is_cache(word: &str) -> bool {
    word == "HybridCache" || (word.starts_with("caching_") && word != EVENTS)
}

fn matches(glob: &str, path: &str) -> bool {
    let glob: Vec<_> = glob.split('/').collect();
    let path: Vec<_> = path.split('/').collect();
    parts_match(&glob, &path)
}

fn parts_match(glob: &[&str], path: &[&str]) -> bool {
    match (glob, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            parts_match(rest, path) || matches!(path, [_, deeper @ ..] if parts_match(glob, deeper))
        }
        ([part, rest @ ..], [name, deeper @ ..]) => {
            name_matches(part, name) && parts_match(rest, deeper)
        }
        _ => false,
    }
}

fn name_matches(part: &str, name: &str) -> bool {
    match part.split_once('*') {
        None => part == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, matches};
    use crate::tidy::house::findings;

    #[test]
    fn a_glob_matches_parts_and_depths() {
        let glob = "examples/**/src/**/write*.rs";
        assert!(matches(glob, "examples/invoice-api/src/write.rs"));
        assert!(matches(
            glob,
            "examples/invoice-api/src/invoices/write_lines.rs"
        ));
        assert!(!matches(glob, "examples/invoice-api/src/invoices/read.rs"));
        assert!(!matches(glob, "crates/x/src/write.rs"));
        assert!(!matches(glob, "examples/invoice-api/src/write/read.rs"));
    }

    #[test]
    fn a_write_that_names_the_cache_is_found_on_its_line() {
        let text =
            "//! Writes.\nuse caching_events::EventBus;\nfn f(c: &caching_core::HybridCache) {}\n";
        let found = findings(
            check,
            &[("examples/invoice-api/src/invoices/write.rs", text)],
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("examples/invoice-api/src/invoices/write.rs:3: caching_core"));
    }

    #[test]
    fn a_write_that_raises_events_and_a_read_that_caches_are_fine() {
        let found = findings(
            check,
            &[
                (
                    "examples/invoice-api/src/invoices/write.rs",
                    "//! Never a HybridCache here.\nuse caching_events::{DomainEvent, EventBus};\n",
                ),
                (
                    "examples/invoice-api/src/invoices/read.rs",
                    "use caching_core::HybridCache;",
                ),
            ],
        );
        assert!(found.is_empty(), "{found:?}");
    }
}
