//! What can be wrong with an operation of an L2.

use std::time::Duration;

use caching_core::L2ErrorKind;

use crate::Gate;

/// An operation of an L2 that a fault can be set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum L2Operation {
    /// [`L2::read`](caching_core::L2::read)
    Read,
    /// [`L2::fill`](caching_core::L2::fill)
    Fill,
    /// [`L2::put`](caching_core::L2::put)
    Put,
    /// [`L2::invalidate`](caching_core::L2::invalidate)
    Invalidate,
    /// [`L2::purged`](caching_core::L2::purged)
    Purged,
    /// [`L2::claim`](caching_core::L2::claim)
    Claim,
    /// [`L2::release`](caching_core::L2::release)
    Release,
    /// [`L2::poll`](caching_core::L2::poll)
    Poll,
}

impl L2Operation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Fill,
        Self::Put,
        Self::Invalidate,
        Self::Purged,
        Self::Claim,
        Self::Release,
        Self::Poll,
    ];
}

/// What happens to an operation on its way.
///
/// | fault | is it done? | what its caller gets |
/// | --- | --- | --- |
/// | `Pass` | yes | the answer |
/// | `Fail` | no | an error of that kind |
/// | `LoseAnswer` | yes | an error of that kind |
/// | `Delay` | later, whether or not its caller still waits | the answer, later |
/// | `Hold` | when the gate lets it through, whether or not its caller still waits | the answer, then |
/// | `HoldAnswer` | yes | the answer, when the gate lets it through |
///
/// With a gate that nobody opens, the last two are a store that never answers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum L2Fault {
    /// Nothing is wrong.
    #[default]
    Pass,
    /// It fails without having been done.
    Fail(L2ErrorKind),
    /// It is done, and fails all the same.
    LoseAnswer(L2ErrorKind),
    /// It takes so long to reach the store, by tokio's clock.
    Delay(Duration),
    /// It reaches the store when the gate lets it through: what was sent arrives, even when who sent it has gone.
    Hold(Gate),
    /// It is done, and its answer waits at the gate.
    HoldAnswer(Gate),
}
