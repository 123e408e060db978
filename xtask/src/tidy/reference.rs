//! The page of settings against the structs that read them.

mod page;
mod settings;

use std::fs;

use super::finding::Finding;
use super::house::House;
use crate::failure::{Failure, Result};
use crate::tidy::reference::page::{Section, Table};
use crate::tidy::reference::settings::{ConfigStruct, Setting};

const PAGE: &str = "docs/reference/configuration.md";

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let Some(text) = house.text(PAGE) else {
        return vec![Finding::in_file(PAGE, "there is none")];
    };
    let sections = page::sections(text);
    let structs = config_structs(house);
    let mut findings: Vec<Finding> = sections
        .iter()
        .flat_map(|section| match named(&structs, section) {
            Some((path, found)) => compare(section, path, found),
            None => vec![Finding::at(
                PAGE,
                section.line,
                format!(
                    "{} has no public struct {} that serde reads",
                    section.path, section.name
                ),
            )],
        })
        .collect();
    let shown = |path: &str, name: &str| {
        sections
            .iter()
            .any(|section| section.path == path && section.name == name)
    };
    findings.extend(
        structs
            .iter()
            // An example documents its own settings beside itself.
            .filter(|(path, _)| path.starts_with("crates/"))
            .filter(|(path, found)| found.is_section() && !shown(path, &found.name))
            .map(|(path, found)| undocumented(path, found)),
    );
    findings
}

/// Rewrites the tables: adds rows, drops rows, corrects defaults; other words stay as they are.
pub(super) fn fix(house: &House<'_>) -> Result {
    let Some(text) = house.text(PAGE) else {
        return Ok(());
    };
    let structs = config_structs(house);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that the line numbers before stay right.
    for section in page::sections(text).iter().rev() {
        if let Some((_, found)) = named(&structs, section) {
            section.write(&mut lines, &found.settings);
        }
    }
    let fixed = lines.join("\n") + "\n";
    if fixed != text {
        fs::write(PAGE, fixed)
            .map_err(|error| Failure::new(format!("cannot write {PAGE}: {error}")))?;
        println!("rewrote the tables of {PAGE}");
    }
    Ok(())
}

fn config_structs<'a>(house: &'a House<'_>) -> Vec<(&'a str, ConfigStruct)> {
    house
        .shipped_sources()
        .filter(|(path, text)| !path.starts_with("xtask/") && text.contains("Deserialize"))
        .flat_map(|(path, text)| {
            settings::structs(text)
                .into_iter()
                .map(move |found| (path, found))
        })
        .collect()
}

fn named<'a>(
    structs: &'a [(&str, ConfigStruct)],
    section: &Section,
) -> Option<(&'a str, &'a ConfigStruct)> {
    structs
        .iter()
        .find(|(path, found)| *path == section.path && found.name == section.name)
        .map(|(path, found)| (*path, found))
}

fn undocumented(path: &str, found: &ConfigStruct) -> Finding {
    let name = &found.name;
    let rows: String = found
        .settings
        .iter()
        .map(|setting| format!("\n         {}", page::row(setting)))
        .collect();
    Finding::at(
        path,
        found.line,
        format!(
            "{name} is not in {PAGE}; add a section there:\n         ## [its.section]\n         \
             <!-- struct: {path} {name} -->\n         {}\n         {}{rows}",
            page::HEAD,
            page::RULE
        ),
    )
}

fn compare(section: &Section, path: &str, found: &ConfigStruct) -> Vec<Finding> {
    let unstated = found
        .settings
        .iter()
        .filter(|setting| setting.lacks_default)
        .map(|setting| {
            Finding::at(
                path,
                setting.line,
                format!(
                    "end the documentation of `{}` with \"Default: `…`\", or with \"Required.\"",
                    setting.name
                ),
            )
        });
    let Some(table) = &section.table else {
        let message = format!("no table follows; add it: {} …", page::HEAD);
        return vec![Finding::at(PAGE, section.line, message)];
    };
    let extra = table
        .rows
        .iter()
        .filter(|row| {
            !found
                .settings
                .iter()
                .any(|setting| setting.name == row.name)
        })
        .map(|row| {
            let message = format!(
                "`{}` is no field of {}; remove the row",
                row.name, found.name
            );
            Finding::at(PAGE, row.line, message)
        });
    unstated
        .chain(extra)
        .chain(
            found
                .settings
                .iter()
                .filter_map(|setting| compare_row(section, table, setting)),
        )
        .collect()
}

fn compare_row(section: &Section, table: &Table, setting: &Setting) -> Option<Finding> {
    let Some(row) = table.rows.iter().find(|row| row.name == setting.name) else {
        let message = format!("add the row: {}", table.row(setting));
        return Some(Finding::at(PAGE, section.line, message));
    };
    let Some(stated) = table.default_of(row) else {
        let message = format!(
            "the table has no column `default`; its head is {}",
            page::HEAD
        );
        return Some(Finding::at(PAGE, table.line, message));
    };
    if row.cells.iter().any(String::is_empty) {
        let message = format!("fill the row of `{}`: {}", setting.name, table.row(setting));
        return Some(Finding::at(PAGE, row.line, message));
    }
    match &setting.default {
        Some(default) if page::plain(default) != page::plain(stated) => Some(Finding::at(
            PAGE,
            row.line,
            format!(
                "`{}` is said to be {stated} by default; the struct says {default}",
                setting.name
            ),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
