//! What a server is started with.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::redis::error::RedisServerError;
use crate::redis::launch::{Data, RDB};
use crate::redis::port::Ports;
use crate::redis::tls::{self, Tls};

/// The ACL user of the kit itself.
pub(super) const KIT_USER: &str = "testkit";

/// Everything that a builder has collected.
#[derive(Clone)]
pub(super) struct Settings {
    /// None for the one of the environment.
    pub(super) program: Option<PathBuf>,
    /// Names and values as they stand in `redis.conf`.
    pub(super) directives: Vec<(String, String)>,
    pub(super) password: Option<String>,
    pub(super) users: Vec<User>,
    pub(super) primary: Option<Primary>,
    pub(super) tls: Option<Tls>,
    pub(super) time_limit: Duration,
    pub(super) kit_password: String,
}

/// A user of the ACL.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) rules: String,
}

/// Whom a replica follows, and as whom.
#[derive(Clone)]
pub(super) struct Primary {
    pub(super) address: SocketAddr,
    pub(super) password: String,
}

impl Settings {
    /// Whether the server keeps a log of its writes.
    pub(super) fn is_append_only(&self) -> bool {
        let mut last_first = self.directives.iter().rev();
        last_first
            .find(|(name, _)| name.eq_ignore_ascii_case("appendonly"))
            .is_some_and(|(_, value)| value.eq_ignore_ascii_case("yes"))
    }

    /// The text of `redis.conf`. The last line of a name counts, so that defaults stand before what the test
    /// says, and what the kit relies on after it.
    pub(super) fn config(&self, ports: Ports, folder: &Path) -> Result<String, RedisServerError> {
        let mut config = Config::default();
        config.line("save", "\"\"")?;
        config.line("appendonly", "no")?;
        // A replica is served at once, and not after five seconds in which others might come.
        config.line("repl-diskless-sync-delay", "0")?;
        config.line("enable-debug-command", "local")?;
        for (name, value) in &self.directives {
            config.line(name, value)?;
        }
        if let Some(password) = &self.password {
            config.line("requirepass", &quoted(password))?;
        }
        for User {
            name,
            password,
            rules,
        } in &self.users
        {
            let password = quoted(&format!(">{password}"));
            config.line("user", &format!("{name} on {password} {rules}"))?;
        }
        if let Some(primary) = &self.primary {
            let (ip, port) = (primary.address.ip(), primary.address.port());
            config.line("replicaof", &format!("{ip} {port}"))?;
            config.line("masteruser", KIT_USER)?;
            config.line("masterauth", &quoted(&primary.password))?;
        }
        let password = &self.kit_password;
        config.line("user", &format!("{KIT_USER} on >{password} ~* &* +@all"))?;
        config.line("bind", "127.0.0.1")?;
        config.line("port", &ports.plain.to_string())?;
        if let Some(port) = ports.tls {
            config.line("tls-port", &port.to_string())?;
            config.line("tls-auth-clients", "no")?;
            for (name, file) in tls::FILES {
                config.line(name, &quoted(&folder.join(file).to_string_lossy()))?;
            }
        }
        config.line("daemonize", "no")?;
        config.line("logfile", "\"\"")?;
        config.line("dir", &quoted(&Data::of(folder).path().to_string_lossy()))?;
        config.line("dbfilename", RDB)?;
        Ok(config.text)
    }
}

impl fmt::Debug for Settings {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("program", &self.program)
            .field("has_password", &self.password.is_some())
            .field("is_replica", &self.primary.is_some())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Config {
    text: String,
}

impl Config {
    fn line(&mut self, name: &str, value: &str) -> Result<(), RedisServerError> {
        let breaks = |text: &str| text.is_empty() || text.contains(['\n', '\r', '\0']);
        if breaks(name) || breaks(value) {
            let name = name.escape_debug().to_string();
            return Err(RedisServerError::InvalidSetting { name });
        }
        self.text.extend([name, " ", value, "\n"]);
        Ok(())
    }
}

/// One word of `redis.conf`, whatever is in it.
fn quoted(text: &str) -> String {
    let mut word = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => word.extend(['\\', char::from(byte)]),
            b' '..=b'~' => word.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(word, "\\x{byte:02x}")),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quoted_word_can_hold_anything() {
        assert_eq!(quoted("a \"b\\\né"), r#""a \"b\\\x0a\xc3\xa9""#);
    }
}
