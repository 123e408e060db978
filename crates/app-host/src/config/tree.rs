//! Finding one's way in a tree of configuration values.

use config::{Map, Value, ValueKind};

/// A table with nothing in it.
pub(super) fn empty_table() -> Value {
    Value::new(None, ValueKind::Table(Map::new()))
}

/// The value at a path.
pub(super) fn find<'a, 'p>(
    root: &'a Value,
    path: impl IntoIterator<Item = &'p str>,
) -> Option<&'a Value> {
    path.into_iter().try_fold(root, child)
}

/// Takes the value at a path out; `false` where there is none, or where it is an element of a list.
pub(super) fn remove<'p>(root: &mut Value, path: impl IntoIterator<Item = &'p str>) -> bool {
    let mut path = path.into_iter().peekable();
    let mut at = root;
    while let Some(name) = path.next() {
        at = match &mut at.kind {
            ValueKind::Table(table) if path.peek().is_none() => {
                return table.remove(name).is_some();
            }
            ValueKind::Table(table) => match table.get_mut(name) {
                Some(value) => value,
                None => return false,
            },
            ValueKind::Array(values) => {
                match name.parse::<usize>().ok().and_then(|i| values.get_mut(i)) {
                    Some(value) => value,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    false
}

/// Where the value at a path comes from: the origin of the deepest value on the way that has one, or, for a
/// table merged from several layers, of its contents where they agree.
pub(super) fn origin<'a, 'p>(
    root: &'a Value,
    path: impl IntoIterator<Item = &'p str>,
) -> Option<&'a str> {
    let mut known = root.origin();
    let mut at = root;
    for name in path {
        match child(at, name) {
            Some(value) => at = value,
            None => break,
        }
        known = at.origin().or(known);
    }
    known.or_else(|| only_origin(at))
}

/// The names and values of a table.
pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let table = match &value.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    };
    table
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// The origin of anything at or below a value.
pub(super) fn first_origin(value: &Value) -> Option<&str> {
    let mut origins = Vec::new();
    collect_origins(value, &mut origins);
    origins.into_iter().min()
}

/// Whether anything at or below a value fulfils a condition.
pub(super) fn any(value: &Value, condition: &impl Fn(&Value) -> bool) -> bool {
    condition(value)
        || match &value.kind {
            ValueKind::Table(table) => table.values().any(|value| any(value, condition)),
            ValueKind::Array(values) => values.iter().any(|value| any(value, condition)),
            _ => false,
        }
}

fn only_origin(value: &Value) -> Option<&str> {
    let mut origins = Vec::new();
    collect_origins(value, &mut origins);
    origins.sort_unstable();
    origins.dedup();
    match origins.as_slice() {
        [origin] => Some(origin),
        _ => None,
    }
}

fn collect_origins<'a>(value: &'a Value, origins: &mut Vec<&'a str>) {
    origins.extend(value.origin());
    match &value.kind {
        ValueKind::Table(table) => {
            for value in table.values() {
                collect_origins(value, origins);
            }
        }
        ValueKind::Array(values) => {
            for value in values {
                collect_origins(value, origins);
            }
        }
        _ => {}
    }
}

fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match &value.kind {
        ValueKind::Table(table) => table.get(name),
        ValueKind::Array(values) => name.parse::<usize>().ok().and_then(|i| values.get(i)),
        _ => None,
    }
}
