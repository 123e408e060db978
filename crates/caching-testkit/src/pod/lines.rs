//! What a pod prints.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::mpsc;

use crate::pod::calls::Waiting;
use crate::pod::error::PodError;
use crate::pod::protocol::{Answer, LONGEST_LINE};

/// How many lines wait for being read.
const MOST_WAITING: usize = 10_000;

/// The lines of a pod on standard output, its answers to requests excepted.
#[derive(Debug)]
pub struct PodLines {
    lines: mpsc::Receiver<String>,
}

impl PodLines {
    /// The next line; none when the pod has ended and everything was read.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// The next line with this text in it, such as `"listening on"`. Those before it are passed over.
    ///
    /// # Errors
    ///
    /// [`PodError::Ended`] when the pod ends without it, [`PodError::Late`] after `limit`.
    pub async fn with(&mut self, text: &str, limit: Duration) -> Result<String, PodError> {
        let found = async {
            while let Some(line) = self.next().await {
                if line.contains(text) {
                    return Ok(line);
                }
            }
            Err(PodError::Ended)
        };
        let late = |_| PodError::Late { waited: limit };
        tokio::time::timeout(limit, found).await.map_err(late)?
    }
}

/// Tells answers from other lines until the pod closes its standard output.
pub(super) fn read(
    output: ChildStdout,
    waiting: Arc<Waiting>,
) -> (PodLines, impl Future<Output = ()> + Send + 'static) {
    let (sender, lines) = mpsc::channel(MOST_WAITING);
    let reading = async move {
        let mut output = BufReader::new(output);
        while let Ok(Some(line)) = next_line(&mut output).await {
            match Answer::parse(&line) {
                Some(answer) => waiting.answer(answer),
                // Nobody has to read them, and the pod must not stand still because nobody does.
                None => drop(sender.try_send(line)),
            }
        }
        waiting.close();
    };
    (PodLines { lines }, reading)
}

/// A line without its end; none at the end of the stream.
pub(super) async fn next_line(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = stream.take(LONGEST_LINE);
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
