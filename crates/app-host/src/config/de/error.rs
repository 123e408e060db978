//! What is wrong with a value, and where inside the section.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config::error::nearest;

/// What is wrong, and where inside the section.
#[derive(Debug)]
pub(in crate::config) struct DeError {
    /// From the inside to the outside.
    path: Vec<String>,
    message: String,
    is_missing: bool,
}

impl DeError {
    fn new(message: String) -> Self {
        Self {
            path: Vec::new(),
            message,
            is_missing: false,
        }
    }

    pub(super) fn empty() -> Self {
        Self::new("expected a value".to_owned())
    }

    pub(super) fn at(mut self, segment: String) -> Self {
        self.path.push(segment);
        self
    }

    /// From the outside to the inside.
    pub(in crate::config) fn path(&self) -> impl Iterator<Item = &str> {
        self.path.iter().rev().map(String::as_str)
    }

    pub(in crate::config) fn path_text(&self) -> String {
        self.path().collect::<Vec<_>>().join(".")
    }

    /// Whether this is about the value at a path, or about one that it is inside of.
    pub(in crate::config) fn is_around(&self, path: &[String]) -> bool {
        self.path.len() <= path.len() && self.path().eq(path[..self.path.len()].iter())
    }

    pub(in crate::config) fn message(&self) -> &str {
        &self.message
    }

    /// Whether a key that must be there is not.
    pub(in crate::config) fn is_missing(&self) -> bool {
        self.is_missing
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DeError {}

impl de::Error for DeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = named(expected);
        match found {
            Unexpected::Unit => Self::new(format!("expected {expected}, found null")),
            // It may well be the secret that belongs inside: a URL with a password, a key.
            Unexpected::Str(_) if expected == TABLE || expected == LIST => {
                Self::new(format!("expected {expected}, found a text"))
            }
            _ => Self::new(format!("expected {expected}, found {found}")),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(not_one_of("key", field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(not_one_of("value", variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: vec![field.to_owned()],
            message: "missing".to_owned(),
            is_missing: true,
        }
    }
}

const TABLE: &str = "a table";
const LIST: &str = "a list";

/// What serde expects, in the words of a configuration file.
fn named(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a map" => TABLE.to_owned(),
        "a sequence" => LIST.to_owned(),
        _ if text.starts_with("struct ") => TABLE.to_owned(),
        _ => text,
    }
}

fn not_one_of(what: &str, found: &str, expected: &[&str]) -> String {
    let near = nearest(found, expected.iter().copied());
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    match expected {
        [] => format!("unknown {what} `{found}`; none is expected here"),
        _ => {
            let expected: Vec<_> = expected.iter().map(|name| format!("`{name}`")).collect();
            let list = expected.join(", ");
            format!("unknown {what} `{found}`, expected one of {list}{hint}")
        }
    }
}
