//! One process of the invoice API.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, Result};

use super::http::Client;
use super::process::Process;

/// A key that everybody knows: for a demo, and for nothing else.
const KEY: &str = "RGVtbyBkZW1vIGRlbW8gZGVtbyBkZW1vIGRlbW8gISE=";
const LIMIT: Duration = Duration::from_secs(20);

/// How the program was built.
#[derive(Clone, Copy)]
pub(super) enum Build {
    Debug,
    Release,
}

impl Build {
    pub(super) fn option(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &[],
            Self::Release => &["--release"],
        }
    }

    fn program(self) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let profile = match self {
            Self::Debug => "debug",
            Self::Release => "release",
        };
        target.join(profile).join("invoice-api")
    }
}

/// What it takes to start a pod, again and again.
pub(super) struct PodSettings {
    pub(super) number: usize,
    pub(super) build: Build,
    pub(super) folder: PathBuf,
    pub(super) redis: String,
}

impl PodSettings {
    /// Starts it, and waits until it is ready: the process, and where it listens.
    pub(super) fn start(&self) -> Result<(Process, SocketAddr)> {
        let program = self.build.program();
        let mut command = Command::new(&program);
        let database = self.folder.join("invoices.sqlite");
        command
            .env_clear()
            .args(["--config", "examples/invoice-api/config", "serve"])
            .env("APP__SERVER__ADDRESS", "127.0.0.1:0")
            .env(
                "APP__DATABASE__URL",
                format!("sqlite://{}", database.display()),
            )
            .env("APP__CACHE__REDIS__URL", &self.redis)
            .env("APP__CACHE__ENCRYPTION__KEY", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Process::start(&format!("pod {}", self.number), &mut command)?;
        let log = self.folder.join(format!("pod-{}.log", self.number));
        let address = listening(&mut process, &log)?;
        self.wait_until_ready(address)?;
        Ok((process, address))
    }

    fn wait_until_ready(&self, address: SocketAddr) -> Result {
        let mut client = Client::new();
        let began = Instant::now();
        loop {
            let answer = client.send(address, "GET", "/health/ready", None);
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if began.elapsed() > LIMIT {
                return Err(Failure::new(format!(
                    "pod {} does not become ready",
                    self.number
                )));
            }
            sleep(Duration::from_millis(5));
        }
    }
}

/// Where it says that it listens. The rest of what it says goes into its log.
fn listening(process: &mut Process, log: &Path) -> Result<SocketAddr> {
    let broken = |error| Failure::new(format!("cannot write {}: {error}", log.display()));
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(log)
        .map_err(broken)?;
    let Some(output) = process.child().stderr.take() else {
        return Err(Failure::new("the output of a pod is not there"));
    };
    let mut lines = BufReader::new(output)
        .lines()
        .map_while(std::io::Result::ok);
    for line in lines.by_ref() {
        writeln!(file, "{line}").map_err(broken)?;
        if let Some(address) = address(&line) {
            // It ends with the pod, whose output then ends.
            thread::spawn(move || {
                for line in lines {
                    let _ = writeln!(file, "{line}");
                }
            });
            return Ok(address);
        }
    }
    Err(Failure::new("a pod ended before it listened"))
}

fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["address"].as_str()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{KEY, address};

    #[test]
    fn a_pod_says_where_it_listens() {
        let said = r#"{"level":"INFO","message":"listening","address":"127.0.0.1:4711"}"#;
        assert_eq!(address(said).map(|at| at.port()), Some(4711));
        assert_eq!(address(r#"{"message":"modules"}"#), None);
        assert_eq!(address("error: it does not"), None);
    }

    #[test]
    fn the_key_has_the_length_of_one() {
        assert_eq!(KEY.len(), 44, "32 bytes in base64");
    }
}
