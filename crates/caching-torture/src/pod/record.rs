//! What a pod notes, and reports line by line.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::history::{Counts, Invalidation, Read};

/// How long what was noted waits for more. What a killed pod had not reported is lost.
const PAUSE: Duration = Duration::from_millis(25);

/// What a pod has noted since its last line.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Batch {
    /// Reads.
    pub reads: Vec<Read>,
    /// Invalidations.
    pub invalidations: Vec<Invalidation>,
    /// Reads that failed.
    pub errors: u64,
    /// What the cache has counted since it was built.
    pub counts: Counts,
}

enum Note {
    Read(Read),
    Invalidation(Invalidation),
    Error,
    Counts(Counts),
    Flush(Sender<()>),
}

/// Where readers and writers note what they saw.
pub(super) struct Record {
    notes: Sender<Note>,
}

impl Record {
    /// Starts the thread that reports; it ends with the process.
    pub(super) fn start() -> io::Result<Self> {
        let (notes, taken) = channel();
        thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || report(&taken))?;
        Ok(Self { notes })
    }

    pub(super) fn read(&self, read: Read) {
        self.note(Note::Read(read));
    }

    pub(super) fn invalidation(&self, invalidation: Invalidation) {
        self.note(Note::Invalidation(invalidation));
    }

    pub(super) fn error(&self) {
        self.note(Note::Error);
    }

    pub(super) fn counts(&self, counts: Counts) {
        self.note(Note::Counts(counts));
    }

    /// Everything that was noted before this is reported when it returns.
    pub(super) fn flush(&self) {
        let (done, is_done) = channel();
        self.note(Note::Flush(done));
        let _ = is_done.recv();
    }

    fn note(&self, note: Note) {
        // The thread ends only when nobody can read its lines.
        let _ = self.notes.send(note);
    }
}

fn report(notes: &Receiver<Note>) {
    let mut batch = Batch::default();
    let mut due = Instant::now() + PAUSE;
    loop {
        let left = due.saturating_duration_since(Instant::now());
        let mut flushed = None;
        match notes.recv_timeout(left) {
            Ok(Note::Read(read)) => batch.reads.push(read),
            Ok(Note::Invalidation(invalidation)) => batch.invalidations.push(invalidation),
            Ok(Note::Error) => batch.errors += 1,
            Ok(Note::Counts(counts)) => batch.counts = counts,
            Ok(Note::Flush(done)) => flushed = Some(done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if flushed.is_none() && Instant::now() < due {
            continue;
        }
        if print(&std::mem::take(&mut batch)).is_err() {
            return;
        }
        if let Some(done) = flushed {
            // Who waited may have gone.
            let _ = done.send(());
        }
        due = Instant::now() + PAUSE;
    }
}

fn print(batch: &Batch) -> io::Result<()> {
    if batch.reads.is_empty() && batch.invalidations.is_empty() && batch.counts.is_empty() {
        return Ok(());
    }
    let mut line = serde_json::to_vec(batch)?;
    line.push(b'\n');
    // In one go and under the lock: the answers to orders are lines of the same stream.
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}
