//! The page: a marker that names a struct, and the table behind it.

use super::settings::Setting;
use crate::tidy::markdown::{self, Line};

/// The head of a new table. Further columns may be added by hand; `default` has to stay.
pub(super) const HEAD: &str = "| setting | default | what |";
/// What parts it from its rows.
pub(super) const RULE: &str = "| --- | --- | --- |";

const MARKER: &str = "<!-- struct: ";

/// One marked struct: `<!-- struct: crates/caching-core/src/config.rs L1Config -->`.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) path: String,
    pub(super) name: String,
    /// The line of the marker.
    pub(super) line: usize,
    pub(super) table: Option<Table>,
}

/// The table that follows a marker.
#[derive(Debug)]
pub(super) struct Table {
    /// The line of its head.
    pub(super) line: usize,
    head: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One setting as the page shows it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) cells: Vec<String>,
}

/// The marked sections in the order of the page.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    // Whether a row still belongs to the last section: until a heading, or text behind its table.
    let mut open = false;
    for Line { number, text } in markdown::lines(text) {
        if let Some((path, name)) = marker(text) {
            open = true;
            sections.push(Section {
                path: path.to_owned(),
                name: name.to_owned(),
                line: number,
                table: None,
            });
            continue;
        }
        let Some(section) = sections.last_mut().filter(|_| open) else {
            continue;
        };
        match markdown::cells(text) {
            Some(cells) => section.add(number, cells),
            None => open = section.table.is_none() && markdown::heading(text).is_none(),
        }
    }
    sections
}

/// A row for a table with the usual head.
pub(super) fn row(setting: &Setting) -> String {
    let cells = [
        format!("`{}`", setting.name),
        default_cell(setting),
        setting.meaning.clone(),
    ];
    line(&cells)
}

/// A cell without the marks that do not change what it says.
pub(super) fn plain(cell: &str) -> String {
    cell.chars()
        .filter(|character| !matches!(character, '`' | '"' | '\\'))
        .collect::<String>()
        .trim()
        .to_owned()
}

impl Section {
    fn add(&mut self, line: usize, cells: Vec<String>) {
        let Some(table) = &mut self.table else {
            self.table = Some(Table {
                line,
                head: cells,
                rows: Vec::new(),
            });
            return;
        };
        if !markdown::is_rule(&cells) {
            let name = cells.first().map(|cell| plain(cell)).unwrap_or_default();
            table.rows.push(Row { line, name, cells });
        }
    }

    /// Replaces the table in `lines` by one with a row for each setting.
    pub(super) fn write(&self, lines: &mut Vec<String>, settings: &[Setting]) {
        let Some(table) = &self.table else {
            let rows = settings.iter().map(row);
            let new = [String::new(), HEAD.to_owned(), RULE.to_owned()];
            lines.splice(self.line..self.line, new.into_iter().chain(rows));
            return;
        };
        // Behind the head and the rule.
        let first = table.line + 1;
        let last = table.rows.last().map_or(first, |row| row.line);
        let rows: Vec<String> = settings.iter().map(|setting| table.row(setting)).collect();
        lines.splice(first..last, rows);
    }
}

impl Table {
    /// What a row says is the default; none without such a column.
    pub(super) fn default_of<'a>(&self, row: &'a Row) -> Option<&'a str> {
        row.cells.get(self.default_column()?).map(String::as_str)
    }

    /// The row that this setting should have: what stands there already, made right.
    pub(super) fn row(&self, setting: &Setting) -> String {
        let Some(default_column) = self.default_column() else {
            return row(setting);
        };
        let existing = self.rows.iter().find(|row| row.name == setting.name);
        let meaning_column = self.head.len().saturating_sub(1);
        let cells: Vec<String> = (0..self.head.len())
            .map(|column| {
                let stands = existing
                    .and_then(|row| row.cells.get(column))
                    .filter(|cell| !cell.is_empty());
                let is_default = column == default_column;
                match stands {
                    Some(cell) if !is_default || agrees(setting, cell) => cell.clone(),
                    _ if column == 0 => format!("`{}`", setting.name),
                    _ if is_default => default_cell(setting),
                    _ if column == meaning_column => setting.meaning.clone(),
                    _ => String::new(),
                }
            })
            .collect();
        line(&cells)
    }

    fn default_column(&self) -> Option<usize> {
        self.head
            .iter()
            .position(|cell| cell.eq_ignore_ascii_case("default"))
    }
}

fn agrees(setting: &Setting, cell: &str) -> bool {
    setting
        .default
        .as_ref()
        .is_none_or(|default| plain(default) == plain(cell))
}

fn default_cell(setting: &Setting) -> String {
    match &setting.default {
        Some(default) => default.clone(),
        None => "its own section".to_owned(),
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn marker(line: &str) -> Option<(&str, &str)> {
    let inside = line.trim().strip_prefix(MARKER)?.strip_suffix("-->")?;
    let mut words = inside.split_whitespace();
    Some((words.next()?, words.next()?))
}
