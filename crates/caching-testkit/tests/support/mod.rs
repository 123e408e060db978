//! What the tests of this crate share: looking at processes and sockets from outside.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Nothing here takes this long on a machine that works.
pub const SOON: Duration = Duration::from_secs(10);

/// Whether there is a process with that id, other than one that only waits to be reaped.
pub fn is_alive(process: u32) -> bool {
    match std::process::Command::new("ps")
        .args(["-o", "state=", "-p", &process.to_string()])
        .output()
    {
        Ok(output) => {
            let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            !state.is_empty() && !state.starts_with('Z')
        }
        // Where there is no `ps` there is `/proc`.
        Err(_) => Path::new("/proc").join(process.to_string()).exists(),
    }
}

/// Whether nobody listens.
pub async fn refuses(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_err()
}

/// Waits until something is so; for what other processes do in their own time.
pub async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(SOON, waiting).await.is_ok(),
        "it did not happen within {SOON:?}"
    );
}

/// A plain connection with the inline commands of Redis: a line there, a line back.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub async fn ask(&mut self, line: &str) -> String {
        self.send(line).await;
        self.line().await.unwrap()
    }

    pub async fn send(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        self.stream.write_all(line.as_bytes()).await.unwrap();
    }

    pub async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// The next bytes, at most so many.
    pub async fn bytes(&mut self, most: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let count = self.stream.read(&mut bytes).await?;
        bytes.truncate(count);
        Ok(bytes)
    }
}
