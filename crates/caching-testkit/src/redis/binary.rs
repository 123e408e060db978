//! Where the program is.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::redis::error::RedisServerError;

/// Names a program in place of the one on `PATH`.
const VARIABLE: &str = "CACHING_REDIS_SERVER";
const OLDEST: (u32, u32) = (7, 0);

/// The program to start: the one that was named to the builder or in the environment, or the one on `PATH`.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, RedisServerError> {
    let program = match named {
        Some(program) => program.to_owned(),
        None => named_in_environment(env::var_os(VARIABLE))
            .or_else(|| on_path(env::var_os("PATH")))
            .ok_or(RedisServerError::NotFound)?,
    };
    check(program)
}

fn named_in_environment(variable: Option<OsString>) -> Option<PathBuf> {
    // Empty counts as unset: that is how one takes a variable back in a workflow file.
    variable
        .filter(|program| !program.is_empty())
        .map(PathBuf::from)
}

fn on_path(path: Option<OsString>) -> Option<PathBuf> {
    env::split_paths(&path?)
        .map(|folder| folder.join("redis-server"))
        .find(|program| program.is_file())
}

/// Asks for the version: `Redis server v=7.0.15 sha=00000000:0 …`. Valkey answers in the same way.
fn check(program: PathBuf) -> Result<PathBuf, RedisServerError> {
    let asked = Command::new(&program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let output = match asked {
        Ok(output) => output,
        Err(error) => {
            let reason = error.to_string();
            return Err(RedisServerError::Unusable { program, reason });
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let Some(version) = said
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
    else {
        let reason = "it does not tell its version".to_owned();
        return Err(RedisServerError::Unusable { program, reason });
    };
    if is_old(version) {
        let version = version.to_owned();
        return Err(RedisServerError::TooOld { program, version });
    }
    Ok(program)
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{find, is_old, named_in_environment, on_path};
    use crate::RedisServerError;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_old("6.2.14") && is_old("2.8") && is_old("what"));
        assert!(!is_old("7.0.0") && !is_old("7.4") && !is_old("10.0.1"));
    }

    #[test]
    fn an_empty_variable_counts_as_none() {
        assert_eq!(named_in_environment(Some("".into())), None);
        let named = named_in_environment(Some("redis/src/redis-server".into()));
        assert_eq!(named.as_deref(), Some(Path::new("redis/src/redis-server")));
    }

    #[test]
    fn a_folder_without_the_program_is_passed_over() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(on_path(Some(empty.path().into())), None);
        assert_eq!(on_path(None), None);
    }

    #[test]
    fn what_is_no_server_is_named() {
        for program in ["no/such/program", "/bin/true"] {
            match find(Some(Path::new(program))) {
                Err(RedisServerError::Unusable { program: named, .. }) => {
                    assert_eq!(named, Path::new(program));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn where_there_is_none_the_error_says_how_to_get_one() {
        let said = RedisServerError::NotFound.to_string();
        for word in [
            "apt-get install redis-server",
            "brew install redis",
            super::VARIABLE,
        ] {
            assert!(said.contains(word), "{said}");
        }
    }
}
