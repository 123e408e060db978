//! Who watches an import.

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Rows are read and set aside; measured in bytes of the unpacked file.
    Reading,
    /// Invoices move into place; measured in rows.
    Publishing,
}

/// Who watches an import.
pub trait ImportObserver: Send {
    /// A phase begins; `total` is where [`progress`](Self::progress) ends.
    fn begin(&mut self, phase: Phase, total: u64);
    /// So much of the phase is done.
    fn progress(&mut self, done: u64);
    /// The row at this line of the file was skipped.
    fn skipped(&mut self, line: u64, reason: &str);
    /// A whole invoice was not stored.
    fn refused(&mut self, tenant: &str, number: &str, reason: &str);
}
