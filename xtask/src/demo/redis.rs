//! A redis-server of the demo's own.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::tool;

use super::process::Process;

/// Names a program in place of the one on `PATH`, for the tests too.
const VARIABLE: &str = "CACHING_REDIS_SERVER";
/// Below the ports that systems give to clients, so that nobody takes it while the server is down.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
const LIMIT: Duration = Duration::from_secs(10);

/// A server that keeps nothing on disk: killed and started again, it is empty.
pub(super) struct Redis {
    program: OsString,
    folder: PathBuf,
    port: u16,
    process: Process,
}

impl Redis {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let named = env::var_os(VARIABLE).filter(|named| !named.is_empty());
        let program = named.unwrap_or_else(|| "redis-server".into());
        if !tool::answers(Command::new(&program).arg("--version")) {
            let name = program.to_string_lossy();
            return Err(Failure::new(format!("`{name}` cannot be run")).remedy(format!(
                "install Redis 7.0 or later (Debian: apt-get install redis-server; macOS: brew install redis) \
                 or name the program in {VARIABLE}"
            )));
        }
        let port = free_port()?;
        let process = launch(&program, folder, port)?;
        Ok(Self {
            program,
            folder: folder.to_owned(),
            port,
            process,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What the server says of itself.
    pub(super) fn version(&self) -> Result<String> {
        let info = self.command(&["INFO", "server"])?.concat();
        let info = String::from_utf8_lossy(&info).into_owned();
        let version = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.unwrap_or("?").to_owned())
    }

    pub(super) fn kill(&mut self) -> Result {
        self.process.kill()
    }

    /// Starts it again, with nothing.
    pub(super) fn start_again(&mut self) -> Result {
        self.process = launch(&self.program, &self.folder, self.port)?;
        Ok(())
    }

    pub(super) fn freeze(&self) -> Result {
        self.process.freeze()
    }

    pub(super) fn thaw(&self) -> Result {
        self.process.thaw()
    }

    /// Sends a command over a connection of its own; gives the texts of the answer, however they are nested.
    pub(super) fn command(&self, words: &[&str]) -> Result<Vec<Vec<u8>>> {
        ask(self.port, words)
            .map_err(|error| Failure::new(format!("{} in Redis: {error}", words.join(" "))))
    }
}

fn launch(program: &OsString, folder: &Path, port: u16) -> Result<Process> {
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(folder)
        .args(["--logfile", "redis.log"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let process = Process::start("redis-server", &mut command)?;
    let began = Instant::now();
    while ask(port, &["PING"]).is_err() {
        if began.elapsed() > LIMIT {
            return Err(Failure::new("redis-server does not answer"));
        }
        sleep(Duration::from_millis(5));
    }
    Ok(process)
}

fn free_port() -> Result<u16> {
    // Two demos at a time begin to look at different places.
    let begin = u16::try_from(id() % u32::from(PORTS.end - PORTS.start)).unwrap_or_default();
    let all = PORTS.skip(usize::from(begin)).chain(PORTS);
    all.into_iter()
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| Failure::new("no free port for redis-server"))
}

fn ask(port: u16, words: &[&str]) -> io::Result<Vec<Vec<u8>>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut texts = Vec::new();
    read(&mut BufReader::new(stream), &mut texts)?;
    Ok(texts)
}

/// Reads one answer of RESP 2.
fn read(from: &mut impl BufRead, texts: &mut Vec<Vec<u8>>) -> io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let rest = line.get(1..).unwrap_or_default().trim_end();
    match line.as_bytes().first() {
        Some(b'+' | b':') => texts.push(rest.into()),
        Some(b'-') => return Err(io::Error::other(rest.to_owned())),
        Some(b'$') => {
            // -1 stands for nothing.
            let Ok(length) = rest.parse::<usize>() else {
                return Ok(());
            };
            let mut text = vec![0; length + 2];
            from.read_exact(&mut text)?;
            text.truncate(length);
            texts.push(text);
        }
        Some(b'*') => {
            for _ in 0..rest.parse::<usize>().unwrap_or_default() {
                read(from, texts)?;
            }
        }
        _ => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;

    fn texts(answer: &str) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        read(&mut answer.as_bytes(), &mut texts).ok()?;
        let texts = texts
            .iter()
            .map(|text| String::from_utf8_lossy(text).into_owned());
        Some(texts.collect())
    }

    #[test]
    fn answers_give_their_texts() {
        assert_eq!(texts("+PONG\r\n"), Some(vec!["PONG".to_owned()]));
        let nested = texts("*3\r\n$1\r\na\r\n$-1\r\n*1\r\n:7\r\n");
        assert_eq!(nested, Some(vec!["a".to_owned(), "7".to_owned()]));
        for answer in ["", "-LOADING it is\r\n", "$5\r\nab"] {
            assert_eq!(texts(answer), None, "{answer}");
        }
    }
}
