//! A program of one's own as a child process that takes orders.

mod builder;
mod calls;
mod error;
mod lines;
mod protocol;
mod serve;

use std::process::ExitStatus;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

pub use crate::pod::builder::PodBuilder;
pub use crate::pod::error::PodError;
pub use crate::pod::lines::PodLines;
pub use crate::pod::serve::serve_pod;

use crate::pod::calls::Calls;
use crate::process::Process;

/// One instance of a program, as a process: it can be paused, killed and asked.
///
/// What several instances do together is only true when they share nothing but the network. A pod is started
/// from a binary, answers requests in lines of JSON on its standard streams ([`serve_pod`] is the other end),
/// and is as mortal as in production.
///
/// The other end, a program with `tokio` and `serde_json`:
///
/// ```no_run
/// use serde_json::{Value, json};
///
/// #[tokio::main]
/// async fn main() -> std::io::Result<()> {
///     caching_testkit::serve_pod(|request: Value| async move {
///         match request["do"].as_str() {
///             Some("add") => Ok(json!(request["a"].as_i64().unwrap_or(0) + 1)),
///             _ => Err(format!("cannot do {request}")),
///         }
///     })
///     .await
/// }
/// ```
///
/// And the test:
///
/// ```no_run
/// use std::time::Duration;
///
/// use caching_testkit::Pod;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pod = Pod::builder("target/debug/my-pod") // in a test: env!("CARGO_BIN_EXE_my-pod")
///     .env("APP__CACHE__REDIS__URL", "redis://127.0.0.1:6379/")
///     .start()?;
/// let sum: i64 = pod.request(&json!({ "do": "add", "a": 1 })).await?;
/// assert_eq!(sum, 2);
/// pod.pause()?; // as a long collection of garbage, or a machine that swaps
/// pod.resume()?;
/// let status = pod.stop(Duration::from_secs(5)).await?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
///
/// All methods take `&self`, so that one task can kill a pod while others wait for its answers; they are then
/// told [`PodError::Ended`]. Dropping the pod kills the process and everything that it has started, and so
/// does the end of the test process, whatever ends it.
#[derive(Debug)]
pub struct Pod {
    process: Process,
    calls: Calls,
    lines: Option<PodLines>,
    time_limit: Duration,
    /// Reads what the pod writes, and ends with its standard output; aborted on drop.
    reader: JoinHandle<()>,
    /// Writes what the pod is asked; aborted on drop.
    writer: JoinHandle<()>,
}

impl Pod {
    /// A pod of the program at this path.
    pub fn builder(program: impl AsRef<std::ffi::OsStr>) -> PodBuilder {
        PodBuilder::new(program.as_ref())
    }

    /// The process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the pod and waits for its answer. Requests may overlap; each is told its own answer.
    ///
    /// # Errors
    ///
    /// [`Refused`](PodError::Refused) with the pod's words, [`Ended`](PodError::Ended) when it ends before it
    /// has answered, [`Late`](PodError::Late) after the time limit,
    /// [`Unreadable`](PodError::Unreadable) when the answer is not what was expected.
    pub async fn request<A: DeserializeOwned>(
        &self,
        request: &(impl Serialize + ?Sized),
    ) -> Result<A, PodError> {
        let body = serde_json::to_value(request).map_err(PodError::Unwritable)?;
        let answered = tokio::time::timeout(self.time_limit, self.calls.call(body)).await;
        let answer = answered.map_err(|_| PodError::Late {
            waited: self.time_limit,
        })??;
        serde_json::from_value(answer).map_err(PodError::Unreadable)
    }

    /// What the pod prints on standard output besides its answers. Once: the second call gives none.
    ///
    /// Lines wait until they are read, at most ten thousand of them; what comes then is dropped.
    pub fn lines(&mut self) -> Option<PodLines> {
        self.lines.take()
    }

    /// Stops the process where it stands (SIGSTOP). It does not run any more when this returns.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    pub fn pause(&self) -> Result<(), PodError> {
        Ok(self.process.pause()?)
    }

    /// Lets a paused process go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<(), PodError> {
        Ok(self.process.resume()?)
    }

    /// Ends the process at once (SIGKILL), and waits until it has ended.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    pub async fn kill(&self) -> Result<ExitStatus, PodError> {
        self.process.kill()?;
        Ok(self.process.exited().await?)
    }

    /// Asks the process to end (SIGTERM) and waits until it has; kills it if that takes longer than `limit`,
    /// which the status then shows (`ExitStatusExt::signal`). Resume a paused one first.
    ///
    /// # Errors
    ///
    /// When a signal cannot be sent.
    pub async fn stop(&self, limit: Duration) -> Result<ExitStatus, PodError> {
        self.process.terminate()?;
        match tokio::time::timeout(limit, self.process.exited()).await {
            Ok(ended) => Ok(ended?),
            Err(_) => self.kill().await,
        }
    }

    /// How the process ended, if it has.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    ///
    /// When its end was missed, because something else in this process reaps children.
    pub async fn exited(&self) -> Result<ExitStatus, PodError> {
        Ok(self.process.exited().await?)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // The process itself goes with its field.
        self.reader.abort();
        self.writer.abort();
    }
}
