//! Sees every command that a server is sent, with all of its bytes that are letters.

use std::sync::{Arc, Mutex};

use caching_testkit::RedisServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{holds, until};

/// A connection that monitors a server: commands, what scripts call, and so every notice.
pub struct Spy {
    heard: Arc<Mutex<Vec<u8>>>,
    /// Ends with the spy.
    task: JoinHandle<()>,
}

impl Spy {
    pub async fn on(server: &RedisServer) -> Self {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(b"MONITOR\r\n").await.unwrap();
        let mut agreed = [0; 5];
        socket.read_exact(&mut agreed).await.unwrap();
        assert_eq!(&agreed, b"+OK\r\n");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let heard = Arc::clone(&heard);
            async move {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                    heard.lock().unwrap().extend_from_slice(&bytes[..length]);
                }
            }
        });
        Self { heard, task }
    }

    /// All that was sent until now.
    pub async fn heard(&self, server: &RedisServer) -> Vec<u8> {
        server.command(["ECHO", "this-far"]).await.unwrap();
        until("it was heard", async || {
            holds(&self.heard.lock().unwrap(), "this-far")
        })
        .await;
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Spy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
