//! Words that say "later": they do not ship, and no test is put off.

use super::code::{Word, lines_with, shipped_words, words};
use super::finding::Finding;
use super::house::House;

/// What may not stand in code that ships, and what to write instead.
const NOT_SHIPPED: &[(&[&str], &str)] = &[
    (
        &[".", "unwrap", "(", ")"],
        "unwrap(); return the error, or state the invariant with expect",
    ),
    (&["todo", "!"], "todo!; finish it or leave it out"),
    (
        &["unimplemented", "!"],
        "unimplemented!; finish it or leave it out",
    ),
    (&["dbg", "!"], "dbg!; remove it or use tracing"),
];

/// What may stand nowhere.
const NOWHERE: &[(&[&str], &str)] = &[(
    &["#", "[", "ignore"],
    "an ignored test; make it pass or remove it",
)];

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let shipped = house
        .shipped_sources()
        .flat_map(|(path, text)| found(path, &shipped_words(text), NOT_SHIPPED));
    let anywhere = house
        .texts_ending(".rs")
        .flat_map(|(path, text)| found(path, &words(text), NOWHERE));
    shipped.chain(anywhere).collect()
}

fn found(path: &str, words: &[Word], phrases: &[(&[&str], &str)]) -> Vec<Finding> {
    phrases
        .iter()
        .flat_map(|(phrase, advice)| {
            lines_with(words, phrase).map(|line| Finding::at(path, line, *advice))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    #[test]
    fn each_of_them_is_found_in_code_that_ships() {
        for code in ["f().unwrap();", "todo!();", "unimplemented!();", "dbg!(1);"] {
            let text = format!("//! A file.\nfn main() {{ {code} }}\n");
            let found = findings(check, &[("crates/a/src/lib.rs", &text)]);
            assert_eq!(found.len(), 1, "{code}");
            assert!(found[0].starts_with("crates/a/src/lib.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn tests_comments_and_strings_may_use_the_words() {
        let text = "//! No unwrap() here.\n/// `todo!()`\nfn f() -> &'static str { \"dbg!()\" }\n\
                    #[cfg(test)]\nmod tests { fn g() { f().unwrap(); } }\n";
        let found = findings(
            check,
            &[
                ("crates/a/src/lib.rs", text),
                ("crates/a/tests/a.rs", "fn g() { f().unwrap(); }"),
            ],
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn names_that_only_resemble_them_are_fine() {
        let text = "fn f() { a.unwrap_or(1); unwrap(b); todo(); }";
        assert!(findings(check, &[("crates/a/src/lib.rs", text)]).is_empty());
    }

    #[test]
    fn an_ignored_test_is_found_in_tests_too() {
        let ignored = "#[test]\n#[ignore = \"slow\"]\nfn f() {}";
        assert_eq!(
            findings(check, &[("crates/a/tests/a.rs", ignored)]).len(),
            1
        );
        let inside = format!("#[cfg(test)]\nmod tests {{ {ignored} }}");
        assert_eq!(
            findings(check, &[("crates/a/src/lib.rs", &inside)]).len(),
            1
        );
    }
}
