//! A pod that the tests of this crate start: it does what it is told.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of tests, which look at what it prints"
)]

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Echo(Value),
    EchoLate(u64),
    Variable(String),
    Folder,
    Print(String),
    Fail(String),
    Panic,
    Exit(i32),
    Leave,
    NeverAnswer,
    StartServer,
    StartChild,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let leave = Arc::new(Notify::new());
    let told = leave.clone();
    tokio::select! {
        served = caching_testkit::serve_pod(move |request| answer(request, told.clone())) => served,
        // With standard input still open, as where a pod is asked to stop.
        () = leave.notified() => Ok(()),
    }
}

async fn answer(request: Request, leave: Arc<Notify>) -> Result<Value, String> {
    match request {
        Request::Echo(value) => Ok(value),
        Request::EchoLate(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(json!(milliseconds))
        }
        Request::Variable(name) => Ok(json!(std::env::var(name).ok())),
        Request::Folder => Ok(json!(std::env::current_dir().ok())),
        Request::Print(line) => {
            println!("{line}");
            Ok(Value::Null)
        }
        Request::Fail(message) => Err(message),
        Request::Panic => panic!("as it was told to"),
        Request::Exit(code) => std::process::exit(code),
        Request::Leave => {
            leave.notify_one();
            Ok(Value::Null)
        }
        Request::NeverAnswer => std::future::pending().await,
        Request::StartServer => {
            let started = caching_testkit::RedisServer::start().await;
            let server = started.map_err(|error| error.to_string())?;
            let process = server.process_id();
            let folder = server.command(["CONFIG", "GET", "dir"]).await;
            let folder = folder.map_err(|error| error.to_string())?;
            let folder = folder
                .items()
                .last()
                .and_then(|folder| folder.text().map(str::to_owned));
            // As a static would: nobody drops it.
            std::mem::forget(server);
            Ok(json!([process, folder]))
        }
        Request::StartChild => {
            let mut sleep = std::process::Command::new("sleep");
            let child = sleep.arg("600").spawn();
            Ok(json!(child.map_err(|error| error.to_string())?.id()))
        }
    }
}
