//! One direction of one connection.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::proxy::counters::Counters;
use crate::proxy::fault::Fault;

/// How much is read at once.
const PIECE: usize = 16 << 10;
/// How much is kept before the sender has to wait, as it would for a window of TCP.
const MOST_KEPT: usize = 4 << 20;
/// A slow connection is given its bytes in this many portions a second.
const PORTIONS: u64 = 50;

/// Why a connection ends before both sides have closed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At once, and neither side is told that all is said.
    Reset,
    /// After the bytes that were delivered.
    Closed,
}

/// Takes bytes from one side to the other, as the fault of the direction allows.
pub(super) struct Pump<'a> {
    faults: watch::Receiver<Fault>,
    random: fastrand::Rng,
    delivered: [&'a AtomicU64; 2],
    swallowed: &'a AtomicU64,

    fault: Fault,
    /// Read and not delivered, in order.
    kept: VecDeque<Piece>,
    kept_bytes: usize,
    has_source_ended: bool,
    /// Something was lost, so that nothing of what follows may arrive.
    has_hole: bool,
    /// For `CutAfter`: how much may still pass.
    left: u64,
    /// For `Slow`: when the next portion is due.
    next_portion: Instant,
}

struct Piece {
    content: Content,
    due: Instant,
}

enum Content {
    /// From this offset on.
    Bytes(Vec<u8>, usize),
    /// The sender has closed its side.
    Finished,
    /// The sender's side broke.
    Broken,
}

/// What can be done with the first piece that is kept.
enum Next {
    /// Nothing, until the fault changes or something is read.
    Wait,
    WaitUntil(Instant),
    /// Up to so many bytes of it.
    Write(usize),
    Finish,
    End(End),
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        faults: watch::Receiver<Fault>,
        random: fastrand::Rng,
        delivered: [&'a AtomicU64; 2],
        swallowed: &'a AtomicU64,
    ) -> Self {
        Self {
            faults,
            random,
            delivered,
            swallowed,
            fault: Fault::Pass,
            kept: VecDeque::new(),
            kept_bytes: 0,
            has_source_ended: false,
            has_hole: false,
            left: 0,
            next_portion: Instant::now(),
        }
    }

    /// Runs until the sender has closed its side and the receiver was told.
    pub(super) async fn run(
        mut self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), End> {
        let mut buffer = vec![0; PIECE];
        let mut faults = self.faults.clone();
        self.set_fault(*faults.borrow_and_update());
        loop {
            let now = Instant::now();
            let next = self.next(now);
            let (until, portion) = match next {
                Next::Wait => (None, None),
                Next::WaitUntil(due) => (Some(due), None),
                Next::Write(most) => (None, self.portion(most)),
                Next::Finish => {
                    // The receiver may be gone, and then there is nobody to tell.
                    let _ = to.shutdown().await;
                    return Ok(());
                }
                Next::End(end) => return Err(end),
            };
            let may_read = !self.has_source_ended && self.kept_bytes < MOST_KEPT;
            tokio::select! {
                // A fault counts for everything that is sent after it was set, so it is looked at first.
                biased;
                _ = faults.changed() => self.set_fault(*faults.borrow_and_update()),
                written = to.write(portion.unwrap_or_default()), if portion.is_some() => {
                    self.wrote(written);
                }
                () = sleep_until(until.unwrap_or(now)), if until.is_some() => {}
                read = from.read(&mut buffer), if may_read => self.keep(read, &buffer),
            }
        }
    }

    fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
        self.next_portion = Instant::now();
        if let Fault::CutAfter { bytes } = fault {
            self.left = bytes;
        }
        self.swallow();
    }

    /// Takes what was read from the sender.
    fn keep(&mut self, read: io::Result<usize>, buffer: &[u8]) {
        let content = match read {
            Ok(0) => Content::Finished,
            Ok(count) => Content::Bytes(buffer[..count].to_vec(), 0),
            Err(_) => Content::Broken,
        };
        match &content {
            Content::Bytes(bytes, _) => self.kept_bytes += bytes.len(),
            Content::Finished | Content::Broken => self.has_source_ended = true,
        }
        // The first piece is waited for before the second is looked at, so that none overtakes another.
        let due = Instant::now() + self.lateness();
        self.kept.push_back(Piece { content, due });
        self.swallow();
    }

    fn lateness(&mut self) -> Duration {
        match self.fault {
            Fault::Delay { latency, jitter } => latency + jitter.mul_f64(self.random.f64()),
            _ => Duration::ZERO,
        }
    }

    /// Loses the bytes that are kept, where bytes are lost. The end of the stream stays.
    fn swallow(&mut self) {
        if !(self.has_hole || self.fault == Fault::Blackhole) {
            return;
        }
        self.has_hole |= self.kept_bytes > 0;
        Counters::add(self.swallowed, self.kept_bytes as u64);
        self.kept_bytes = 0;
        self.kept
            .retain(|piece| !matches!(piece.content, Content::Bytes(..)));
    }

    fn next(&self, now: Instant) -> Next {
        let Some(first) = self.kept.front() else {
            return Next::Wait;
        };
        match self.fault {
            Fault::Hold
            | Fault::Blackhole
            | Fault::Slow {
                bytes_per_second: 0,
            } => return Next::Wait,
            Fault::Delay { .. } if first.due > now => return Next::WaitUntil(first.due),
            Fault::Slow { .. } if self.next_portion > now => {
                return Next::WaitUntil(self.next_portion);
            }
            _ => {}
        }
        match (&first.content, self.fault) {
            (Content::Bytes(..), Fault::CutAfter { .. }) if self.left == 0 => {
                Next::End(End::Closed)
            }
            (Content::Bytes(..), Fault::CutAfter { .. }) => Next::Write(saturating(self.left)),
            (Content::Bytes(..), Fault::Slow { bytes_per_second }) => {
                Next::Write(saturating(bytes_per_second / PORTIONS).max(1))
            }
            (Content::Bytes(..), _) => Next::Write(usize::MAX),
            (Content::Finished, _) if !self.has_hole => Next::Finish,
            (Content::Finished | Content::Broken, _) => Next::End(End::Reset),
        }
    }

    /// The next bytes to write, at most so many.
    fn portion(&self, most: usize) -> Option<&[u8]> {
        match &self.kept.front()?.content {
            Content::Bytes(bytes, from) => {
                let rest = &bytes[*from..];
                Some(&rest[..rest.len().min(most)])
            }
            Content::Finished | Content::Broken => None,
        }
    }

    /// Takes away what the receiver was given.
    fn wrote(&mut self, written: io::Result<usize>) {
        let Ok(count) = written else {
            // The receiver is gone. Its own direction tells the sender, as far as that one's fault lets it.
            self.has_hole = true;
            self.swallow();
            return;
        };
        for counter in self.delivered {
            Counters::add(counter, count as u64);
        }
        self.kept_bytes -= count;
        if let Some(Piece {
            content: Content::Bytes(bytes, from),
            ..
        }) = self.kept.front_mut()
        {
            *from += count;
            if *from == bytes.len() {
                self.kept.pop_front();
            }
        }
        match self.fault {
            Fault::CutAfter { .. } => self.left = self.left.saturating_sub(count as u64),
            Fault::Slow { bytes_per_second } if bytes_per_second > 0 => {
                let seconds = count as f64 / bytes_per_second as f64;
                self.next_portion = Instant::now() + Duration::from_secs_f64(seconds);
            }
            _ => {}
        }
    }
}

fn saturating(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
