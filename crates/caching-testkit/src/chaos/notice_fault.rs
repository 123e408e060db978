//! What can be wrong with a notice.

/// What happens to a notice on its way to a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeFault {
    /// Nothing.
    #[default]
    Pass,
    /// It is lost.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It waits until [`ChaosBackplane::deliver_held`](super::ChaosBackplane::deliver_held), and others that
    /// are not held overtake it.
    Hold,
}
