//! Which crate of ours may use which.

use super::finding::Finding;
use super::house::House;
use crate::workspace::Package;

/// A crate and what it may use. `docs/architecture.md` draws the same table.
///
/// Core knows neither Redis nor tenants nor HTTP. What stands around it meets in the seams of core
/// and never points at its neighbour.
const ARROWS: &[(&str, &[&str])] = &[
    ("app-host", &[]),
    ("caching-macros", &[]),
    ("caching-core", &["app-host", "caching-macros"]),
    ("caching-redis", &["caching-core", "app-host"]),
    ("caching-tenancy", &["caching-core", "app-host"]),
    ("caching-encryption", &["caching-core", "app-host"]),
    (
        "caching-events",
        &["caching-core", "app-host", "caching-macros"],
    ),
    ("caching-testkit", &["caching-core", "caching-redis"]),
    (
        "caching-bench",
        &[
            "caching-core",
            "caching-redis",
            "caching-encryption",
            "caching-testkit",
        ],
    ),
    // Breaks a deployment on purpose; it is a test that is a program of its own.
    (
        "caching-torture",
        &["caching-core", "caching-redis", "caching-testkit"],
    ),
    ("hello-cache", &["caching-core"]),
    ("custom-module", &["app-host", "caching-core"]),
    ("two-pods", EVERYTHING_BUT_TESTKIT),
    ("invoice-api", EVERYTHING_BUT_TESTKIT),
    ("xtask", &[]),
];

/// An application puts everything together.
const EVERYTHING_BUT_TESTKIT: &[&str] = &[
    "app-host",
    "caching-core",
    "caching-macros",
    "caching-redis",
    "caching-tenancy",
    "caching-encryption",
    "caching-events",
];

/// What tests may use beyond that; it never reaches a program.
const TESTS_ALSO: &[(&str, &[&str])] = &[
    // Its doubles and fixtures are for everyone's tests.
    ("*", &["caching-testkit"]),
    // What these promise of a store that is shared is tested on a real one, through the host.
    ("caching-encryption", &["caching-redis", "caching-tenancy"]),
    ("caching-tenancy", &["caching-redis", "caching-events"]),
    // What a macro writes is compiled against the crates that it names.
    (
        "caching-macros",
        &["caching-core", "caching-events", "app-host"],
    ),
];

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let workspace = house.workspace;
    workspace
        .packages
        .iter()
        .filter(|package| !package.is_fixture())
        .flat_map(|package| {
            let ours: Vec<_> = package
                .dependencies
                .iter()
                .filter(|dependency| workspace.has(&dependency.name))
                .map(|dependency| (dependency.name.as_str(), dependency.is_for_tests()))
                .collect();
            forbidden(package, &ours)
        })
        .collect()
}

fn forbidden(package: &Package, ours: &[(&str, bool)]) -> Vec<Finding> {
    let name = package.name.as_str();
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
        return vec![Finding::in_file(
            name,
            "this crate has no row in ARROWS of xtask/src/tidy/arrows.rs; decide what it may use",
        )];
    };
    ours.iter()
        .filter(|(to, for_tests)| {
            // A crate's tests may name the crate itself, to turn its features on.
            let in_tests = *for_tests && (*to == name || tests_also(name).any(|also| also == *to));
            !allowed.contains(to) && !in_tests
        })
        .map(|(to, _)| {
            Finding::in_file(
                name,
                format!("may not use {to}; allowed: {}", listed(allowed)),
            )
        })
        .collect()
}

fn tests_also(name: &str) -> impl Iterator<Item = &'static str> {
    TESTS_ALSO
        .iter()
        .filter(move |(from, _)| *from == "*" || *from == name)
        .flat_map(|(_, also)| also.iter().copied())
}

fn listed(allowed: &[&str]) -> String {
    match allowed {
        [] => "nothing of ours".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::{ARROWS, check};
    use crate::tidy::house::House;
    use crate::workspace::{Package, Workspace};

    fn findings(packages: Vec<Package>) -> Vec<String> {
        let workspace = Workspace {
            packages,
            ..Workspace::default()
        };
        check(&House::example(&workspace, &[]))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn package(name: &str, uses: &[&str], tests_use: &[&str]) -> Package {
        Package::example("crates", name, uses, tests_use)
    }

    #[test]
    fn a_program_that_a_test_builds_may_use_what_it_tests() {
        let fixture = Package::example("crates/caching-events/tests/linking", "program", &[], &[]);
        assert_eq!(findings(vec![fixture]), [] as [String; 0]);
    }

    #[test]
    fn allowed_arrows_and_outside_crates_are_fine() {
        let found = findings(vec![
            package("app-host", &["tokio"], &[]),
            package("caching-core", &["app-host", "moka"], &[]),
            package("caching-tenancy", &["caching-core"], &[]),
        ]);
        assert_eq!(found, [] as [String; 0]);
    }

    #[test]
    fn an_arrow_between_neighbours_is_named_with_what_is_allowed() {
        let found = findings(vec![
            package("caching-events", &["caching-tenancy"], &[]),
            package("caching-tenancy", &[], &[]),
        ]);
        assert_eq!(
            found,
            [
                "caching-events: may not use caching-tenancy; allowed: caching-core, app-host, caching-macros"
            ]
        );
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let testkit = || package("caching-testkit", &[], &[]);
        let in_tests = package("caching-core", &[], &["caching-testkit"]);
        assert!(findings(vec![testkit(), in_tests]).is_empty());
        let shipped = package("caching-core", &["caching-testkit"], &[]);
        assert_eq!(findings(vec![testkit(), shipped]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = findings(vec![package("caching-extras", &[], &[])]);
        assert!(found[0].contains("has no row"), "{found:?}");
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Each row may only name crates whose own rows have been peeled off before it.
        let mut left: Vec<_> = ARROWS.to_vec();
        while !left.is_empty() {
            let before = left.len();
            let names: Vec<_> = left.iter().map(|(name, _)| *name).collect();
            left.retain(|(_, uses)| uses.iter().any(|to| names.contains(to)));
            assert!(left.len() < before, "a cycle among {names:?}");
        }
    }
}
