//! One start of a server, from its settings to the first answer.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::redis::binary;
use crate::redis::error::RedisServerError;
use crate::redis::info::RedisInfo;
use crate::redis::port::Ports;
use crate::redis::resp::Connection;
use crate::redis::settings::Settings;
use crate::redis::snapshot::RedisSnapshot;

/// The file of snapshots.
pub(super) const RDB: &str = "dump.rdb";

/// Between two looks at a server that is starting.
const PAUSE: Duration = Duration::from_millis(5);

/// How long one look waits for an answer. Who listens there may be somebody who never answers, and then it is
/// our process that tells why.
const ANSWER: Duration = Duration::from_millis(500);

/// A server that has answered.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) run_id: String,
    pub(super) version: String,
}

/// What a server keeps on disk.
#[derive(Debug)]
pub(super) struct Data {
    folder: PathBuf,
}

impl Data {
    /// In the folder of a server.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.join("data"),
        }
    }

    /// Its folder.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// The file of snapshots.
    pub(super) fn rdb(&self) -> PathBuf {
        self.folder.join(RDB)
    }

    /// Leaves it as it is.
    pub(super) fn keep(&self) -> Result<(), RedisServerError> {
        Ok(())
    }

    /// Leaves nothing.
    pub(super) fn clear(&self) -> Result<(), RedisServerError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ok(fs::create_dir(&self.folder)?)
    }

    /// Leaves a snapshot and nothing else.
    pub(super) fn replace(&self, snapshot: &RedisSnapshot) -> Result<(), RedisServerError> {
        self.clear()?;
        Ok(fs::write(self.rdb(), snapshot.as_rdb())?)
    }

    /// A server that keeps a log reads nothing else at start, not even a snapshot if there is no log.
    fn is_only_a_snapshot(&self) -> bool {
        self.rdb().exists() && !self.folder.join("appendonlydir").exists()
    }
}

/// Starts the server and waits until it serves on that port.
pub(super) fn launch(
    settings: &Settings,
    folder: &Path,
    ports: Ports,
) -> Result<Running, RedisServerError> {
    let program = binary::find(settings.program.as_deref())?;
    let data = Data::of(folder);
    let config = folder.join("redis.conf");
    fs::write(&config, settings.config(ports, folder)?)?;
    if let Some(tls) = &settings.tls {
        tls.write(folder)?;
    }
    let log = folder.join("redis.log");
    let output = File::create(&log)?;
    let mut command = Command::new(program);
    command.arg(&config);
    let log_comes_later = settings.is_append_only() && data.is_only_a_snapshot();
    if log_comes_later {
        command.args(["--appendonly", "no"]);
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let mut start = Start {
        settings,
        address: (Ipv4Addr::LOCALHOST, ports.plain).into(),
        log: &log,
        began: Instant::now(),
        process: Process::spawn(&mut command, Some(folder))?,
    };
    let info = start.until(|info| {
        let is_in_step = settings.primary.is_none() || info.get("master_link_status") == Some("up");
        info.get("loading") == Some("0") && is_in_step
    })?;
    if log_comes_later {
        let mut connection = Connection::open(settings, start.address, settings.time_limit)?;
        connection.command(&["CONFIG", "SET", "appendonly", "yes"])?;
        start.until(|info| {
            info.get("aof_rewrite_in_progress") == Some("0")
                && info.get("aof_rewrite_scheduled") == Some("0")
        })?;
    }
    Ok(Running {
        run_id: info.get("run_id").unwrap_or_default().to_owned(),
        version: info.get("redis_version").unwrap_or_default().to_owned(),
        process: start.process,
    })
}

/// A server between its start and its first answers.
struct Start<'a> {
    settings: &'a Settings,
    address: SocketAddr,
    log: &'a Path,
    began: Instant,
    process: Process,
}

impl Start<'_> {
    /// Asks again and again until the server says what is hoped for.
    fn until(
        &mut self,
        is_ready: impl Fn(&RedisInfo) -> bool,
    ) -> Result<RedisInfo, RedisServerError> {
        loop {
            if let Some(info) = self.ask()
                && is_ready(&info)
            {
                return Ok(info);
            }
            if self.process.exit_status().is_some() {
                return Err(self.ended());
            }
            let waited = self.began.elapsed();
            if waited > self.settings.time_limit {
                let log = self.log();
                return Err(RedisServerError::NotReady { waited, log });
            }
            thread::sleep(PAUSE);
        }
    }

    /// What the server says; none while it does not answer.
    fn ask(&self) -> Option<RedisInfo> {
        // Where this fails it is not there yet. Or somebody else is, who does not know our password: then our
        // process ends over the port, and says so.
        let limit = self.settings.time_limit.min(ANSWER);
        let mut connection = Connection::open(self.settings, self.address, limit).ok()?;
        let reply = connection.command(&["INFO", "everything"]).ok()?;
        let info = RedisInfo::parse(reply.text()?);
        let is_ours = info.integer("process_id") == Some(self.process.id().into());
        is_ours.then_some(info)
    }

    fn ended(&self) -> RedisServerError {
        let log = self.log();
        if log.contains("Address already in use") {
            let port = self.address.port();
            return RedisServerError::PortTaken { port };
        }
        RedisServerError::Ended { log }
    }

    /// The last lines of what the server has said.
    fn log(&self) -> String {
        let log = fs::read(self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
