//! One place where a key is, read with bounds.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::config::KeyPlace;
use crate::error::{EncryptionError, SecretKeyError};
use crate::secret_key::SecretKey;

/// A file with a key is at most this long.
const LONGEST_FILE: u64 = 4096;

/// Where a key is, and the setting that says so.
pub(super) struct Place {
    setting: String,
    place: KeyPlace,
}

impl Place {
    pub(super) fn new(setting: String, place: KeyPlace) -> Self {
        Self { setting, place }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.place, KeyPlace::File(_))
    }

    pub(super) fn read(&self) -> Result<SecretKey, EncryptionError> {
        match &self.place {
            KeyPlace::Inline(text) => self.parsed(text.expose()),
            // What names a file or a variable is repeated in errors.
            KeyPlace::Env(name) if is_key(name) => Err(self.key_as_name()),
            KeyPlace::File(path) if path.to_str().is_some_and(is_key) => Err(self.key_as_name()),
            KeyPlace::Env(variable) => self.parsed(&self.variable(variable)?),
            KeyPlace::File(path) => self.in_file(path),
        }
    }

    fn parsed(&self, text: &str) -> Result<SecretKey, EncryptionError> {
        SecretKey::from_base64(text).map_err(|problem| EncryptionError::InvalidKey {
            setting: self.setting.clone(),
            problem,
        })
    }

    fn variable(&self, variable: &str) -> Result<Zeroizing<String>, EncryptionError> {
        let problem = match env::var(variable) {
            Ok(text) => return Ok(Zeroizing::new(text)),
            Err(env::VarError::NotPresent) => "is not set",
            // The error holds the value.
            Err(env::VarError::NotUnicode(_)) => "is not valid UTF-8",
        };
        Err(EncryptionError::InvalidVariable {
            setting: self.setting.clone(),
            variable: variable.to_owned(),
            problem,
        })
    }

    fn in_file(&self, path: &Path) -> Result<SecretKey, EncryptionError> {
        let text = read_file(path).map_err(|problem| self.invalid_file(path, problem))?;
        SecretKey::from_base64(&text)
            .map_err(|problem: SecretKeyError| self.invalid_file(path, problem.to_string()))
    }

    fn key_as_name(&self) -> EncryptionError {
        EncryptionError::KeyAsName {
            setting: self.setting.clone(),
        }
    }

    fn invalid_file(&self, path: &Path, problem: String) -> EncryptionError {
        EncryptionError::InvalidFile {
            setting: self.setting.clone(),
            path: path.to_owned(),
            problem,
        }
    }
}

fn is_key(text: &str) -> bool {
    SecretKey::from_base64(text).is_ok()
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let failed = |error: io::Error| format!("cannot be read: {error}");
    // Followed through symbolic links. A pipe would be waited for, a device has no end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let file = File::open(path).map_err(failed)?;
    // As long as it can get from the start: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_FILE as usize + 1));
    match file.take(LONGEST_FILE + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > LONGEST_FILE => {
            Err(format!("is longer than {LONGEST_FILE} bytes"))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err("is not valid UTF-8".to_owned())
        }
        Err(error) => Err(failed(error)),
    }
}
