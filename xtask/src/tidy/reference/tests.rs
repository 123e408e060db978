//! The page and the structs, compared on texts that fit in a test.

use super::{PAGE, check, page, settings};
use crate::tidy::house::findings;

const SOURCE: &str = r#"
//! Settings.

/// The section `[cache]`.
#[derive(Clone, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// How long a value is fresh. Zero
    /// stores nothing. Default: `5m`
    pub duration: Duration,
    /// What stands before every [`Key`](crate::Key). Default: the
    /// application's name
    pub key_prefix: Option<String>,
    /// The level in the process.
    pub l1: L1Options,
    /// Where to look, `a|b`.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    #[serde(skip)]
    pub made: u64,
}

#[derive(Deserialize)]
pub struct Row { id: u64 }
"#;

const STRUCT: &str = "crates/a/src/config.rs";

const TABLE: &str = "\
# Settings

## [cache]
<!-- struct: crates/a/src/config.rs CacheConfig -->

Some words first.

| setting | default | what |
| --- | --- | --- |
| `duration` | `\"5m\"` | How long. |
| `key_prefix` | the application's name | What stands before. |
| `l1` | see below | The level. |
| `type` | none | Where to look. |

## Another heading

| `not` | of | this table |
";

fn found_with(page: &str) -> Vec<String> {
    findings(check, &[(PAGE, page), (STRUCT, SOURCE)])
}

#[test]
fn a_page_that_agrees_with_its_struct_is_fine() {
    assert_eq!(found_with(TABLE), [] as [String; 0]);
}

#[test]
fn a_missing_row_is_given_to_be_pasted() {
    let page = TABLE.replace("| `duration` | `\"5m\"` | How long. |\n", "");
    assert_eq!(
        found_with(&page),
        [format!(
            "{PAGE}:4: add the row: | `duration` | `5m` | How long a value is fresh. Zero stores nothing. |"
        )]
    );
}

#[test]
fn a_row_without_a_field_is_found() {
    let page = TABLE.replace("| `type`", "| `made` | 1 | Gone. |\n| `type`");
    assert_eq!(
        found_with(&page),
        [format!(
            "{PAGE}:13: `made` is no field of CacheConfig; remove the row"
        )]
    );
}

#[test]
fn a_default_that_changed_is_found() {
    let page = TABLE.replace("`\"5m\"`", "`10m`");
    assert_eq!(
        found_with(&page),
        [format!(
            "{PAGE}:10: `duration` is said to be `10m` by default; the struct says `5m`"
        )]
    );
}

#[test]
fn a_row_that_explains_nothing_is_found() {
    let page = TABLE.replace("| The level. |", "| |");
    let found = found_with(&page);
    assert!(found[0].contains("fill the row of `l1`"), "{found:?}");
}

#[test]
fn a_section_that_the_page_lacks_is_given_to_be_pasted() {
    let found = found_with("# Settings\n");
    assert_eq!(
        found.len(),
        1,
        "a struct that is no section needs none: {found:?}"
    );
    assert!(found[0].starts_with("crates/a/src/config.rs:7: CacheConfig is not in"));
    assert!(found[0].contains("<!-- struct: crates/a/src/config.rs CacheConfig -->"));
    assert!(found[0].contains("| `type` | none | Where to look, `a\\|b`. |"));
}

#[test]
fn an_example_may_document_its_settings_elsewhere() {
    let found = findings(
        check,
        &[(PAGE, "# Settings\n"), ("examples/a/src/config.rs", SOURCE)],
    );
    assert_eq!(found, [] as [String; 0]);
}

#[test]
fn a_marker_for_a_struct_that_is_gone_is_found() {
    let page = TABLE.replace("config.rs CacheConfig", "config.rs OldConfig");
    let found = found_with(&page);
    assert!(
        found[0].contains("has no public struct OldConfig"),
        "{found:?}"
    );
}

#[test]
fn a_plain_field_has_to_state_its_default() {
    let source =
        "//! S.\n#[derive(Deserialize)]\npub struct AConfig {\n/// How many.\npub n: u64 }\n";
    let page = format!(
        "<!-- struct: {STRUCT} AConfig -->\n{}\n{}\n| `n` | 3 | How many. |\n",
        page::HEAD,
        page::RULE
    );
    let found = findings(check, &[(PAGE, &page), (STRUCT, source)]);
    assert!(
        found[0].contains("end the documentation of `n`"),
        "{found:?}"
    );
    let required = source.replace("How many.", "How many. Required.");
    let found = findings(check, &[(PAGE, &page), (STRUCT, &required)]);
    assert!(found[0].contains("the struct says required"), "{found:?}");
}

#[test]
fn a_page_that_is_not_there_is_found() {
    assert_eq!(
        findings(check, &[(STRUCT, SOURCE)]),
        [format!("{PAGE}: there is none")]
    );
}

#[test]
fn a_fixed_page_agrees_and_keeps_the_words_of_its_writer() {
    let stale = TABLE
        .replace(
            "| `duration` | `\"5m\"` | How long. |",
            "| `gone` | 1 | Gone. |",
        )
        .replace("the application's name", "none");
    let structs = settings::structs(SOURCE);
    let mut lines: Vec<String> = stale.lines().map(str::to_owned).collect();
    for section in page::sections(&stale).iter().rev() {
        section.write(&mut lines, &structs[0].settings);
    }
    let fixed = lines.join("\n");
    assert_eq!(found_with(&fixed), [] as [String; 0], "{fixed}");
    assert!(fixed.contains("| `key_prefix` | the application's name | What stands before. |"));
    assert!(fixed.contains("| `l1` | see below | The level. |"));
    assert!(fixed.contains("\n## Another heading\n"));
}

#[test]
fn a_page_that_agrees_is_left_as_it_is() {
    let structs = settings::structs(SOURCE);
    let mut lines: Vec<String> = TABLE.lines().map(str::to_owned).collect();
    page::sections(TABLE)[0].write(&mut lines, &structs[0].settings);
    assert_eq!(lines.join("\n") + "\n", TABLE);
}

#[test]
fn a_table_that_is_not_there_yet_is_written_whole() {
    let bare = format!("## [cache]\n<!-- struct: {STRUCT} CacheConfig -->\n");
    let structs = settings::structs(SOURCE);
    let mut lines: Vec<String> = bare.lines().map(str::to_owned).collect();
    page::sections(&bare)[0].write(&mut lines, &structs[0].settings);
    assert_eq!(
        found_with(&lines.join("\n")),
        [] as [String; 0],
        "{lines:#?}"
    );
}
