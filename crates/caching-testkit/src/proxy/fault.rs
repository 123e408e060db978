//! What can happen to the bytes of one direction.

use std::time::Duration;

/// What a [`FaultProxy`](crate::FaultProxy) does to one direction of its connections.
///
/// | fault | bytes | end of the stream | after it is lifted |
/// | --- | --- | --- | --- |
/// | `Pass` | at once | at once | |
/// | `Hold` | kept back | kept back | delivered |
/// | `Blackhole` | lost | lost | a connection that has lost something delivers nothing any more |
/// | `Delay` | later | later | at once, in order |
/// | `Slow` | at a rate | after the bytes | at once, in order |
/// | `CutAfter` | so many at once | at once | |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// None.
    #[default]
    Pass,

    /// Nothing arrives until the fault is lifted; then everything does, late. So does TCP after a partition
    /// that was shorter than its patience.
    Hold,

    /// Connections are accepted and stay open, and what is sent is swallowed. So does a network that has lost
    /// its state: nobody is told.
    ///
    /// TCP never delivers a stream with a hole. A direction that has swallowed something therefore stays silent
    /// for the rest of the connection, also after the fault is lifted; if the sender has closed it by then, it
    /// is reset. New connections are fine.
    Blackhole,

    /// Everything arrives in order, `latency` later, and up to `jitter` more.
    Delay {
        /// How much later at least.
        latency: Duration,
        /// How much more at most; drawn for each piece that is read.
        jitter: Duration,
    },

    /// So many bytes a second, on each connection. Zero is as [`Hold`](Self::Hold).
    Slow {
        /// The rate.
        bytes_per_second: u64,
    },

    /// Each connection passes so many bytes more, and is closed at the one after them: in the middle of an
    /// answer, if that is where it stands.
    CutAfter {
        /// How many, counted on each connection from when the fault was set.
        bytes: u64,
    },
}

impl Fault {
    /// A delay without jitter.
    #[must_use]
    pub const fn delay(latency: Duration) -> Self {
        Self::Delay {
            latency,
            jitter: Duration::ZERO,
        }
    }
}
