//! The pod's own end of its standard streams.

use std::fmt::Display;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::pod::protocol::{Answer, LONGEST_LINE, Outcome, Request};

/// How many requests, and how many answers, may stand before who does not read them.
const MOST_UNREAD: usize = 1024;

/// Answers the requests of a [`Pod`](crate::Pod) on the standard streams until there are no more of them:
/// the test has dropped the pod, or has ended.
///
/// Requests run side by side. An error is sent to the test in its words, and so is it that a handler has
/// panicked or that the request does not fit its type. Other lines may be printed to standard output meanwhile;
/// the test finds them in [`PodLines`](crate::PodLines). Dropping the future stops the handlers. Once in a
/// process: it keeps reading standard input.
///
/// # Errors
///
/// When a standard stream fails, and when a line on standard input is no request of a `Pod`.
pub async fn serve_pod<Q, A, E, F>(
    handler: impl Fn(Q) -> F + Send + Sync + 'static,
) -> io::Result<()>
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize,
    E: Display,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let mut lines = read()?;
    let (sender, answers) = mpsc::channel(MOST_UNREAD);
    // Owns the writer and every handler: dropping this future stops them all.
    let mut tasks = JoinSet::new();
    tasks.spawn(write(answers));
    while let Some(line) = lines.recv().await {
        let Request { number, body } = serde_json::from_str(&line?)?;
        let mut reply = Reply {
            number,
            to_test: sender.clone(),
            is_sent: false,
        };
        let handler = handler.clone();
        tasks.spawn(async move {
            let outcome = match serde_json::from_value(body) {
                Ok(request) => outcome(handler(request).await),
                Err(error) => Outcome::Error(format!("not the request that was expected: {error}")),
            };
            reply.send(outcome).await;
        });
        // What is done need not be kept until the end.
        while tasks.try_join_next().is_some() {}
    }
    Ok(())
}

/// An answer that is owed.
struct Reply {
    number: u64,
    to_test: mpsc::Sender<Answer>,
    is_sent: bool,
}

impl Reply {
    async fn send(&mut self, result: Outcome) {
        let number = self.number;
        // The writer is gone when the test reads no more.
        let _ = self.to_test.send(Answer { number, result }).await;
        self.is_sent = true;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_sent {
            let result = Outcome::Error("the handler panicked".to_owned());
            let number = self.number;
            // Without waiting; with a thousand answers before it the test runs into its time limit.
            let _ = self.to_test.try_send(Answer { number, result });
        }
    }
}

fn outcome<A: Serialize, E: Display>(result: Result<A, E>) -> Outcome {
    match result.map(serde_json::to_value) {
        Ok(Ok(value)) => Outcome::Ok(value),
        Ok(Err(error)) => Outcome::Error(format!("the answer cannot be written: {error}")),
        Err(error) => Outcome::Error(error.to_string()),
    }
}

/// The lines of standard input, until its end.
///
/// A thread, and not tokio's: a read of standard input that is under way would keep its runtime from shutting
/// down, and so a pod that was asked to stop from ending. Nothing has to stop this one; it holds nothing and
/// ends with the process.
fn read() -> io::Result<mpsc::Receiver<io::Result<String>>> {
    let (sender, lines) = mpsc::channel(MOST_UNREAD);
    thread::Builder::new()
        .name("requests to the pod".to_owned())
        .spawn(move || {
            let mut input = io::stdin().lock();
            loop {
                let mut line = String::new();
                let read = input.by_ref().take(LONGEST_LINE).read_line(&mut line);
                let message = match read {
                    Ok(0) => return,
                    Ok(_) => Ok(line),
                    Err(error) => Err(error),
                };
                let is_last = message.is_err();
                if sender.blocking_send(message).is_err() || is_last {
                    return;
                }
            }
        })?;
    Ok(lines)
}

async fn write(mut answers: mpsc::Receiver<Answer>) {
    let mut output = tokio::io::stdout();
    while let Some(answer) = answers.recv().await {
        // Made of values that were JSON before.
        let Ok(mut line) = serde_json::to_vec(&answer) else {
            continue;
        };
        line.push(b'\n');
        let written = output.write_all(&line).await.and(output.flush().await);
        if written.is_err() {
            return; // The test reads no more.
        }
    }
}
