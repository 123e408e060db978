//! One section read into a struct, with all that is wrong in it.

use config::Value;
use serde::de::DeserializeOwned;

use crate::config::de::{DeError, TextAs, ValueDeserializer};
use crate::config::variables::{Variables, is_from_variable};
use crate::config::{tree, variables};
use crate::{ConfigError, ConfigProblem};

/// So many problems of one section are told at once.
const MOST_PROBLEMS: usize = 50;

/// Reads `value`, found at `path`.
///
/// serde stops at the first thing that is wrong. To tell all of them, the offending key is taken out and
/// the rest is read again, until nothing more is wrong or the gap itself is what is wrong.
pub(super) fn read<T: DeserializeOwned>(
    path: &str,
    value: Value,
    variables: &Variables,
) -> Result<T, ConfigError> {
    let first = match attempt::<T>(&value, variables) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };

    let mut problems = vec![problem(path, &value, &first)];
    let mut removed = Vec::new();
    let mut rest = value.clone();
    let mut last = first;
    while problems.len() < MOST_PROBLEMS && take_out(&mut rest, &last) {
        removed.push(last.path().map(str::to_owned).collect::<Vec<_>>());
        last = match attempt::<T>(&rest, variables) {
            Err(error) if !removed.iter().any(|gap| error.is_around(gap)) => error,
            _ => break,
        };
        problems.push(problem(path, &value, &last));
    }
    Err(ConfigError::new(problems))
}

/// Takes out what an error is about; an element of a list together with the list.
fn take_out(value: &mut Value, error: &DeError) -> bool {
    if tree::find(value, error.path()).is_none() {
        return false;
    }
    let path: Vec<_> = error.path().collect();
    (1..=path.len())
        .rev()
        .any(|length| tree::remove(value, path[..length].iter().copied()))
}

fn attempt<T: DeserializeOwned>(value: &Value, variables: &Variables) -> Result<T, DeError> {
    let text = T::deserialize(ValueDeserializer::new(
        value.clone(),
        TextAs::Text,
        variables,
    ));
    // Types that take anything (`untagged`, `flatten`) do not say whether they want a number, and the value
    // of an environment variable is text. As text first, so that "007" stays what it is.
    match text {
        Err(_) if tree::any(value, &is_from_variable) => {
            let guessed = ValueDeserializer::new(value.clone(), TextAs::Guess, variables);
            T::deserialize(guessed).or(text)
        }
        result => result,
    }
}

fn problem(path: &str, value: &Value, error: &DeError) -> ConfigProblem {
    let inner = error.path_text();
    let key = match (path.is_empty(), inner.is_empty()) {
        (_, true) => path.to_owned(),
        (true, false) => inner,
        (false, false) => format!("{path}.{inner}"),
    };
    let is_set = tree::find(value, error.path()).is_some();
    let expectation = if is_set || !error.is_missing() {
        error.message().to_owned()
    } else {
        let variable = variables::variable_of(&key);
        format!("{}; set it in a file, or as {variable}", error.message())
    };
    ConfigProblem {
        origin: tree::origin(value, error.path()).map(str::to_owned),
        key,
        expectation,
    }
}
