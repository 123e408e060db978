//! The source of truth: numbered versions, and a log of when each was committed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::history::Commit;
use crate::moment::Moment;

/// A request is one of these and the number of a key; the answer is a version.
const SELECT: u8 = 0;
const COMMIT: u8 = 1;

/// The share of answers that take a while even when nobody holds them, so that loads overlap with writes.
const SLOW_SHARE: f64 = 0.1;

/// The source, in the driver; pods ask it over a socket.
pub(crate) struct Source {
    shared: Arc<Shared>,
    /// Owns the listener and the task of each connection; aborted on drop.
    serving: JoinHandle<()>,
}

struct Shared {
    /// Held to read or to change a few numbers, never across an await.
    state: Mutex<State>,
}

struct State {
    versions: Vec<u64>,
    commits: Vec<Commit>,
    /// Answers are held back for up to this long, once they are known.
    hold: Option<Duration>,
    /// Answers that were held and older than the source when they were let go.
    overtaken: u64,
    random: fastrand::Rng,
}

impl Source {
    pub(crate) fn serve(path: &Path, keys: u64, seed: u64) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                versions: vec![0; usize::try_from(keys).unwrap_or(usize::MAX)],
                commits: Vec::new(),
                hold: None,
                overtaken: 0,
                random: fastrand::Rng::with_seed(seed),
            }),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, serving })
    }

    /// Holds answers back from now on, or no longer.
    pub(crate) fn hold(&self, hold: Option<Duration>) {
        self.shared.state().hold = hold;
    }

    /// How many answers were old when they were let go.
    pub(crate) fn overtaken(&self) -> u64 {
        self.shared.state().overtaken
    }

    pub(crate) fn versions(&self) -> Vec<u64> {
        self.shared.state().versions.clone()
    }

    /// What was committed so far.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        self.shared.state().commits.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let mut asking = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&shared);
                    // A pod that is gone, or sends anything else, gets no answer.
                    asking.spawn(async move { drop(shared.answer(stream).await) });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            Some(_) = asking.join_next() => {}
        }
    }
}

impl Shared {
    async fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let request = stream.read_u8().await?;
        let key = usize::try_from(stream.read_u64().await?).unwrap_or(usize::MAX);
        let version = match request {
            SELECT => self.select(key).await,
            COMMIT => self.commit(key),
            _ => None,
        };
        let unknown = || io::Error::other("no such request or key");
        stream.write_u64(version.ok_or_else(unknown)?).await
    }

    async fn select(&self, key: usize) -> Option<u64> {
        let (version, wait, is_held) = {
            let mut state = self.state();
            let version = *state.versions.get(key)?;
            let hold = state.hold;
            let longest = match hold {
                // Not all of them: other readers have to find something new meanwhile.
                Some(hold) if state.random.bool() => hold,
                _ if state.random.f64() < SLOW_SHARE => Duration::from_millis(30),
                _ => Duration::ZERO,
            };
            let wait = longest.mul_f64(state.random.f64());
            (version, wait, hold.is_some())
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
            let mut state = self.state();
            if is_held && state.versions.get(key) != Some(&version) {
                state.overtaken += 1;
            }
        }
        Some(version)
    }

    fn commit(&self, key: usize) -> Option<u64> {
        let mut state = self.state();
        let version = state.versions.get_mut(key)?;
        *version += 1;
        let version = *version;
        // Read while the lock is held: whoever selects after this moment sees the version.
        let at = Moment::now();
        state.commits.push(Commit {
            key: key as u64,
            version,
            at,
        });
        Some(version)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers are whole after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pod's way to the source: a connection for each question, so that none waits for another.
#[derive(Clone, Debug)]
pub(crate) struct SourceClient {
    path: Arc<Path>,
}

impl SourceClient {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The version of a key.
    pub(crate) async fn select(&self, key: u64) -> io::Result<u64> {
        self.ask(SELECT, key).await
    }

    /// Commits the next version of a key.
    pub(crate) async fn commit(&self, key: u64) -> io::Result<u64> {
        self.ask(COMMIT, key).await
    }

    async fn ask(&self, request: u8, key: u64) -> io::Result<u64> {
        let mut stream = UnixStream::connect(&self.path).await?;
        let mut message = [request; 9];
        message[1..].copy_from_slice(&key.to_be_bytes());
        stream.write_all(&message).await?;
        stream.read_u64().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_is_seen_by_selects_and_is_logged() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("source");
        let source = Source::serve(&path, 2, 7)?;
        let client = SourceClient::new(&path);
        assert_eq!(client.select(1).await?, 0);
        let before = Moment::now();
        assert_eq!(client.commit(1).await?, 1);
        assert_eq!(client.select(1).await?, 1);
        assert_eq!(client.select(0).await?, 0);
        assert!(client.select(2).await.is_err());
        let [commit] = source.commits()[..] else {
            panic!("one commit");
        };
        assert_eq!((commit.key, commit.version), (1, 1));
        assert!(before <= commit.at && commit.at <= Moment::now());
        Ok(())
    }

    #[tokio::test]
    async fn an_answer_that_was_held_across_a_commit_is_old_and_counted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("source");
        let source = Source::serve(&path, 1, 7)?;
        let client = SourceClient::new(&path);
        source.hold(Some(Duration::from_millis(500)));
        // Half of the answers are held, for long. One round is enough, unless the machine is very busy.
        for _ in 0..20 {
            let mut asking = JoinSet::new();
            for _ in 0..32 {
                let client = client.clone();
                asking.spawn(async move { client.select(0).await });
            }
            asking.join_next().await;
            let version = client.commit(0).await?;
            let answers = asking.join_all().await;
            let is_old = |answer: &io::Result<u64>| matches!(answer, Ok(old) if *old < version);
            let old = answers.iter().filter(|answer| is_old(answer)).count();
            if source.overtaken() > 0 {
                assert!(source.overtaken() <= old as u64);
                return Ok(());
            }
        }
        panic!("no answer was overtaken");
    }
}
