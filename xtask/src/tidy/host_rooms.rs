//! Where a library may speak of the host.

use super::code::{lines_with, shipped_words};
use super::finding::Finding;
use super::house::House;

/// The room of each crate that knows the host; a directory of that name belongs to it.
const ROOM: &str = "src/module";

/// Files beside it, each for a reason.
const EXCEPTIONS: &[&str] = &[];

/// Under these the host is no guest: the host itself, and macros that write its name.
const NOT_GUESTS: &[&str] = &["crates/app-host/", "crates/caching-macros/"];

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    house
        .shipped_sources()
        .filter(|(path, _)| path.starts_with("crates/") && !may_know_host(path))
        .flat_map(|(path, text)| {
            let words = shipped_words(text);
            lines_with(&words, &["app_host"])
                .map(|line| {
                    Finding::at(
                        path,
                        line,
                        "speaks of app_host; move it to src/module.rs of this crate",
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn may_know_host(path: &str) -> bool {
    NOT_GUESTS.iter().any(|guest| path.starts_with(guest))
        || EXCEPTIONS.contains(&path)
        || path.ends_with(&format!("{ROOM}.rs"))
        || path.contains(&format!("{ROOM}/"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    const USES_HOST: &str = "//! A file.\n\nuse app_host::Module;\n";

    #[test]
    fn the_module_file_and_its_directory_may_speak_of_the_host() {
        let found = findings(
            check,
            &[
                ("crates/caching-core/src/module.rs", USES_HOST),
                ("crates/caching-core/src/module/config.rs", USES_HOST),
                ("crates/app-host/src/lib.rs", USES_HOST),
                ("crates/caching-core/tests/module.rs", USES_HOST),
            ],
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn any_other_file_of_a_library_may_not() {
        let found = findings(check, &[("crates/caching-core/src/cache.rs", USES_HOST)]);
        assert_eq!(
            found,
            [
                "crates/caching-core/src/cache.rs:3: speaks of app_host; move it to src/module.rs of this crate"
            ]
        );
    }

    #[test]
    fn documentation_may_name_the_host() {
        let text = "//! See `app_host::Module`.\n/// An app_host example.\nfn f() {}\n";
        assert!(findings(check, &[("crates/caching-core/src/lib.rs", text)]).is_empty());
    }
}
