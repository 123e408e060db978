//! What a new connection asks before anything else is sent over it.

use caching_core::Epoch;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{Cmd, Value, cmd, pipe};

use super::shared::{Opened, Shared};
use crate::error::{RedisLinkError, Refusal};
use crate::scripts::SCRIPTS;
use crate::wire;

/// The first version whose scripts say what they may do while memory is used up.
const VERSION: (u32, u32) = (7, 0);

impl Shared {
    /// Makes sure of the server: its role, version and eviction, and that what stands under the prefix is of
    /// this deployment. Leaves the scripts there. Answers the epoch, if there is one yet.
    pub(super) async fn hello(
        &self,
        held: &MultiplexedConnection,
    ) -> Result<Option<Epoch>, RedisLinkError> {
        let opened = self.opened()?;
        let mut connection = held.clone();
        let mut questions = pipe();
        for section in ["server", "replication", "memory"] {
            questions.cmd("INFO").arg(section);
        }
        for script in SCRIPTS.all() {
            questions.cmd("SCRIPT").arg("LOAD").arg(script.code());
        }
        let answers = connection
            .send_packed_commands(&questions, 0, questions.len())
            .await
            .map_err(RedisLinkError::client)?;
        if let Some(Value::ServerError(error)) = answers.first() {
            return Err(refused(RedisLinkError::server(error)));
        }
        let info: String = answers.iter().take(3).map(information).collect();
        self.check(&info)?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                return Err(refused(RedisLinkError::server(error)));
            }
        }
        let answer = connection
            .send_packed_command(&self.hello_command(opened))
            .await
            .map_err(RedisLinkError::client)?;
        if let Value::ServerError(error) = &answer {
            return Err(refused(RedisLinkError::server(error)));
        }
        read(&answer, opened)
    }

    fn check(&self, info: &str) -> Result<(), Refusal> {
        let version = setting(info, "redis_version");
        if !is_new_enough(version) {
            return Err(Refusal::TooOld {
                version: shown(version),
            });
        }
        let mode = setting(info, "redis_mode");
        if mode != "standalone" {
            return Err(Refusal::Mode { mode: shown(mode) });
        }
        let role = setting(info, "role");
        if role != "master" {
            return Err(Refusal::NotPrimary {
                role: if role == "slave" {
                    "replica".to_owned()
                } else {
                    shown(role)
                },
            });
        }
        let policy = setting(info, "maxmemory_policy");
        if policy.starts_with("allkeys") && !self.settings.allow_eviction {
            return Err(Refusal::Evicts {
                policy: shown(policy),
            });
        }
        Ok(())
    }

    fn hello_command(&self, opened: &Opened) -> Cmd {
        let (nonce, bound) = self.epoch_arguments(opened);
        let mut command = cmd("EVALSHA");
        command
            .arg(SCRIPTS.hello.hash())
            .arg(5)
            .arg(&opened.names.shared)
            .arg(&opened.names.deployment)
            .arg(nonce)
            .arg(bound);
        for (name, value) in agreed(opened) {
            command.arg(name).arg(value);
        }
        command
    }
}

/// What all processes of a deployment agree on.
fn agreed(opened: &Opened) -> [(&'static str, String); 5] {
    [
        ("wire", wire::VERSION.to_owned()),
        ("partitions", "1".to_owned()),
        ("stripes", opened.deployment.stripes.to_string()),
        ("hash", "fnv1a-fold".to_owned()),
        ("application", opened.application.clone()),
    ]
}

fn read(answer: &Value, opened: &Opened) -> Result<Option<Epoch>, RedisLinkError> {
    let not_understood = || RedisLinkError::Answer { operation: "hello" };
    let items = wire::items(answer).ok_or_else(not_understood)?;
    let word = |place: usize| items.get(place).and_then(wire::bytes);
    match word(0) {
        Some(b"ok") => match word(1) {
            Some(b"") => Ok(None),
            epoch => epoch
                .and_then(wire::epoch)
                .map(Some)
                .ok_or_else(not_understood),
        },
        Some(b"other") => {
            let what = shown(&String::from_utf8_lossy(word(1).unwrap_or_default()));
            let ours = agreed(opened).into_iter().find(|(name, _)| *name == what);
            Err(Refusal::OtherDeployment {
                theirs: shown(&String::from_utf8_lossy(word(2).unwrap_or_default())),
                ours: ours.map(|(_, ours)| ours).unwrap_or_default(),
                what,
            }
            .into())
        }
        Some(b"type") => Err(Refusal::Occupied {
            key: opened.names.deployment.clone(),
        }
        .into()),
        _ => Err(not_understood()),
    }
}

/// What may not be done, may not be done by this login.
fn refused(error: RedisLinkError) -> RedisLinkError {
    match error {
        RedisLinkError::Server { code, message }
            if matches!(code.as_str(), "NOPERM" | "NOAUTH" | "WRONGPASS") =>
        {
            let problem = format!("{code} {message}");
            Refusal::Login { problem }.into()
        }
        error => error,
    }
}

fn information(answer: &Value) -> String {
    match answer {
        Value::VerbatimString { text, .. } => text.clone(),
        other => wire::text(other).unwrap_or_default().to_owned(),
    }
}

fn setting<'a>(info: &'a str, name: &str) -> &'a str {
    info.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(found, value)| (found == name).then_some(value))
        .unwrap_or_default()
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= VERSION
}

/// Somebody else's text, for people: short and without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(64)
        .map(|character| {
            if character.is_control() {
                '?'
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is) in [
            ("7.0.15", true),
            ("10.1", true),
            ("255.255.255", true),
            ("6.2.14", false),
            ("", false),
            ("x", false),
        ] {
            assert_eq!(is_new_enough(version), is, "{version}");
        }
    }

    #[test]
    fn what_others_wrote_is_shown_short_and_without_control_characters() {
        assert_eq!(shown("a\u{1b}[31m"), "a?[31m");
        assert_eq!(shown(&"x".repeat(1000)).len(), 64);
    }
}
