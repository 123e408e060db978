//! The Redis server that tests talk to.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::tool;

/// Names a program in place of the one on `PATH`. The test kit looks there too.
const VARIABLE: &str = "CACHING_REDIS_SERVER";
const OLDEST: (u32, u32) = (7, 0);

/// Whether there is a server that is new enough.
pub(super) fn is_present() -> bool {
    let (program, _) = program(env::var_os(VARIABLE));
    version(&program).is_ok()
}

/// Installs it where that is ours to do, and says how elsewhere.
pub(super) fn obtain() -> Result {
    let (program, is_named) = program(env::var_os(VARIABLE));
    match version(&program) {
        Ok(()) => return Ok(()),
        // Somebody chose it. Another one beside it would not be used.
        Err(fault) if is_named => {
            return Err(Failure::new(fault.said(&program)).remedy(format!(
                "name a redis-server 7.0 or later in {VARIABLE}, or leave the variable unset"
            )));
        }
        Err(Fault::Old(version)) => return Err(ask(&Fault::Old(version).said(&program))),
        Err(_) => {}
    }
    match Way::here() {
        Way::Ask => return Err(ask("no redis-server found")),
        Way::AptGet => install(&[])?,
        Way::SudoAptGet => install(&["sudo", "-n"])?,
    }
    version(&program).map_err(|fault| ask(&fault.said(&program)))
}

/// The program, and whether somebody named it.
fn program(variable: Option<OsString>) -> (OsString, bool) {
    // Empty counts as unset: that is how one takes a variable back in a workflow file.
    match variable.filter(|named| !named.is_empty()) {
        Some(named) => (named, true),
        None => ("redis-server".into(), false),
    }
}

/// Why a program will not do.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Absent,
    /// It runs, and is something else.
    Foreign,
    Old(String),
}

impl Fault {
    fn said(&self, program: &OsString) -> String {
        let program = program.to_string_lossy();
        match self {
            Self::Absent => format!("`{program}` cannot be run"),
            Self::Foreign => format!("`{program}` is no redis-server"),
            Self::Old(version) => {
                format!("`{program}` is version {version}; the tests need 7.0 or later")
            }
        }
    }
}

fn version(program: &OsString) -> std::result::Result<(), Fault> {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = asked.map_err(|_| Fault::Absent)?;
    is_new_enough(&String::from_utf8_lossy(&output.stdout))
}

/// `Redis server v=7.0.15 sha=00000000:0 …`; Valkey answers in the same way.
fn is_new_enough(said: &str) -> std::result::Result<(), Fault> {
    let mut words = said.split_whitespace();
    let version = words.find_map(|word| word.strip_prefix("v="));
    let version = version.ok_or(Fault::Foreign)?;
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if number < OLDEST {
        return Err(Fault::Old(version.to_owned()));
    }
    Ok(())
}

/// How a server gets onto this machine.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    AptGet,
    SudoAptGet,
    Ask,
}

impl Way {
    fn here() -> Self {
        Self::of(
            tool::answers(Command::new("apt-get").arg("--version")),
            tool::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0"),
            env::var_os("CI").is_some_and(|ci| ci == "true"),
            || tool::answers(Command::new("sudo").args(["-n", "true"])),
        )
    }

    /// Root may install, and in a workflow so may who needs no password for it. At somebody's desk nothing is
    /// installed behind their back, even where sudo would let us.
    fn of(has_apt: bool, is_root: bool, is_ci: bool, has_sudo: impl FnOnce() -> bool) -> Self {
        match (has_apt, is_root) {
            (true, true) => Self::AptGet,
            (true, false) if is_ci && has_sudo() => Self::SudoAptGet,
            _ => Self::Ask,
        }
    }
}

/// With `DEBIAN_FRONTEND`, so that nothing waits for an answer; sudo does not pass the environment on.
fn install(before: &[&str]) -> Result {
    let apt = |arguments: &[&str]| {
        let all = [
            before,
            &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"],
            arguments,
        ];
        let words = all.concat();
        tool::run(Command::new(words[0]).args(&words[1..]))
            .map_err(|failure| failure.remedy(remedy()))
    };
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", "redis-server"])
}

fn ask(what: &str) -> Failure {
    Failure::new(what).remedy(remedy())
}

fn remedy() -> String {
    format!(
        "install Redis 7.0 or later (Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install redis; \
         Alpine: apk add redis; macOS: brew install redis) or name the program in the environment variable \
         {VARIABLE}. It need not be running: each test starts its own"
    )
}

#[cfg(test)]
mod tests {
    use super::{Fault, Way, ask, is_new_enough, program};

    #[test]
    fn versions_are_compared_as_numbers() {
        let say = |version: &str| is_new_enough(&format!("Redis server v={version} sha=0:0"));
        for version in ["7.0.0", "7.0.15", "7.4.1", "8.2", "10.0.0"] {
            assert_eq!(say(version), Ok(()), "{version}");
        }
        for version in ["6.2.14", "2.8.9", "5"] {
            assert_eq!(say(version), Err(Fault::Old(version.into())));
        }
    }

    #[test]
    fn what_is_no_server_is_told_from_an_old_one() {
        for said in ["", "cc (Debian) 12.2.0", "redis-cli 7.0.15"] {
            assert_eq!(is_new_enough(said), Err(Fault::Foreign), "{said}");
        }
    }

    #[test]
    fn the_variable_names_the_program_and_an_empty_one_does_not() {
        let named = program(Some("redis-8/src/redis-server".into()));
        assert_eq!(named, ("redis-8/src/redis-server".into(), true));
        for variable in [None, Some("".into())] {
            assert_eq!(program(variable), ("redis-server".into(), false));
        }
    }

    #[test]
    fn only_root_and_workflows_install() {
        let yes = || true;
        assert_eq!(Way::of(true, true, false, yes), Way::AptGet);
        assert_eq!(Way::of(true, false, true, yes), Way::SudoAptGet);
        assert_eq!(Way::of(true, false, true, || false), Way::Ask);
        assert_eq!(Way::of(true, false, false, yes), Way::Ask);
        assert_eq!(Way::of(false, true, true, yes), Way::Ask);
    }

    #[test]
    fn whoever_has_to_do_it_is_told_how() {
        let said = ask("no redis-server found").to_string();
        for words in [
            "apt-get install redis-server",
            "brew install redis",
            super::VARIABLE,
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
}
