//! The settings of a struct, read from its source.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Field, Fields, Item, ItemStruct, Lit, Meta, Token, Type};
use syn::{Visibility, parse_file};

/// A public struct that serde reads.
#[derive(Debug)]
pub(super) struct ConfigStruct {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) settings: Vec<Setting>,
    refuses_unknown: bool,
}

/// One of its fields.
#[derive(Debug)]
pub(super) struct Setting {
    /// As it is written in a configuration file.
    pub(super) name: String,
    pub(super) line: usize,
    /// What the documentation says behind "Default:".
    pub(super) default: Option<String>,
    /// It says nothing, and its type shows that it should: a number, a text, a duration.
    pub(super) lacks_default: bool,
    /// The first paragraph of the documentation, on one line, without the default.
    pub(super) meaning: String,
}

impl ConfigStruct {
    /// Whether it is a section of a configuration file, by its name or because it refuses unknown
    /// fields, as every section does.
    pub(super) fn is_section(&self) -> bool {
        self.name.ends_with("Config") || self.refuses_unknown
    }
}

/// Every such struct of a file; none when it is no Rust.
pub(super) fn structs(source: &str) -> Vec<ConfigStruct> {
    let Ok(file) = parse_file(source) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    collect(&file.items, &mut found);
    found
}

fn collect(items: &[Item], found: &mut Vec<ConfigStruct>) {
    for item in items {
        match item {
            Item::Struct(item) if is_public(item) && derives_deserialize(item) => {
                found.extend(read_struct(item));
            }
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    collect(items, found);
                }
            }
            _ => {}
        }
    }
}

fn is_public(item: &ItemStruct) -> bool {
    matches!(item.vis, Visibility::Public(_))
}

fn derives_deserialize(item: &ItemStruct) -> bool {
    list(&item.attrs, "derive").iter().any(|derived| {
        derived
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "Deserialize")
    })
}

fn read_struct(item: &ItemStruct) -> Option<ConfigStruct> {
    let Fields::Named(fields) = &item.fields else {
        return None;
    };
    let serde = list(&item.attrs, "serde");
    Some(ConfigStruct {
        name: item.ident.to_string(),
        line: item.ident.span().start().line,
        settings: fields.named.iter().filter_map(read_field).collect(),
        refuses_unknown: has(&serde, "deny_unknown_fields"),
    })
}

/// None for a field that no file sets, or that is a struct spread into this one.
fn read_field(field: &Field) -> Option<Setting> {
    let serde = list(&field.attrs, "serde");
    if ["skip", "skip_deserializing", "flatten"]
        .iter()
        .any(|word| has(&serde, word))
    {
        return None;
    }
    let ident = field.ident.as_ref()?;
    let name = renamed(&serde).unwrap_or_else(|| ident.to_string());
    let documentation = documentation(&field.attrs);
    let (meaning, default) = split_default(&documentation);
    let default = default.or_else(|| is_type(&field.ty, &["Option"]).then(|| "none".to_owned()));
    Some(Setting {
        name: name.trim_start_matches("r#").to_owned(),
        line: field.span().start().line,
        lacks_default: default.is_none() && is_type(&field.ty, PLAIN),
        default,
        meaning,
    })
}

/// Types whose default has to be said; others are sections, lists or maps.
const PLAIN: &[&str] = &[
    "bool",
    "u8",
    "u16",
    "u32",
    "u64",
    "usize",
    "i32",
    "i64",
    "f32",
    "f64",
    "String",
    "PathBuf",
    "Duration",
    "ByteSize",
    "SocketAddr",
];

fn is_type(ty: &Type, names: &[&str]) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// The documentation, one paragraph a string.
fn documentation(attributes: &[Attribute]) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in attributes.iter().filter_map(doc_line) {
        let line = line.trim();
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// The first paragraph for the page, and what stands behind "Default:" in any of them.
fn split_default(paragraphs: &[String]) -> (String, Option<String>) {
    let default = paragraphs.iter().find_map(|paragraph| {
        let (_, value) = at_default(paragraph)?;
        Some(match value {
            Some(value) => first_value(value),
            None => "required".to_owned(),
        })
    });
    let first = paragraphs.first().map_or("", String::as_str);
    let meaning = at_default(first).map_or(first, |(before, _)| before);
    (for_a_cell(meaning), default.map(|text| for_a_cell(&text)))
}

/// What stands before the statement, and its value; no value for "Required."
fn at_default(paragraph: &str) -> Option<(&str, Option<&str>)> {
    if let Some((before, value)) = paragraph.split_once("Default: ") {
        return Some((before, Some(value)));
    }
    let (before, _) = paragraph.split_once("Required.")?;
    Some((before, None))
}

/// The code in backticks, or the words up to the end of the sentence.
fn first_value(text: &str) -> String {
    if let Some(rest) = text.strip_prefix('`')
        && let Some((code, _)) = rest.split_once('`')
    {
        return format!("`{code}`");
    }
    let sentence = text.split(". ").next().unwrap_or(text);
    sentence.trim_end_matches('.').to_owned()
}

/// Links of rustdoc mean nothing on a page, and a bar would end the cell.
fn for_a_cell(text: &str) -> String {
    let mut cell = text.trim().replace("[`", "`").replace("`]", "`");
    while let Some(at) = cell.find("`(") {
        let Some(length) = cell[at..].find(')') else {
            break;
        };
        cell.replace_range(at + 1..=at + length, "");
    }
    cell.replace('|', "\\|")
}

/// What stands in `#[name(…)]`, of all attributes of that name.
fn list(attributes: &[Attribute], name: &str) -> Vec<Meta> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name))
        .filter_map(|attribute| {
            attribute
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .ok()
        })
        .flatten()
        .collect()
}

fn has(metas: &[Meta], name: &str) -> bool {
    metas.iter().any(|meta| meta.path().is_ident(name))
}

fn renamed(serde: &[Meta]) -> Option<String> {
    serde.iter().find_map(|meta| match meta {
        Meta::NameValue(pair) if pair.path.is_ident("rename") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
