//! A gate that tasks wait at until a test lets them through.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// Holds tasks back until a test says so, and tells when they have come.
///
/// This is how an order is forced and not left to luck: the task is let to the gate, the test sees that it
/// stands there ([`arrivals`](Self::arrivals)), does what has to happen meanwhile, and lets it through. Clones
/// are the same gate.
///
/// ```
/// use caching_testkit::Gate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate = Gate::closed();
/// let task = tokio::spawn({
///     let gate = gate.clone();
///     async move { gate.pass().await }
/// });
///
/// gate.arrivals(1).await; // it stands at the gate
/// assert!(!task.is_finished());
/// gate.let_through(1);
/// task.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

struct Shared {
    permits: Semaphore,
    arrived: watch::Sender<usize>,
}

impl Gate {
    /// A gate that holds everyone back.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            shared: Arc::new(Shared {
                permits: Semaphore::new(0),
                arrived: watch::Sender::new(0),
            }),
        }
    }

    /// A gate that nobody has to wait at.
    #[must_use]
    pub fn opened() -> Self {
        let gate = Self::closed();
        gate.open();
        gate
    }

    /// Passes the gate, as soon as that is allowed. Who waits longest goes first.
    pub async fn pass(&self) {
        self.shared.arrived.send_modify(|arrived| *arrived += 1);
        // An error says that the gate was opened for good.
        if let Ok(permit) = self.shared.permits.acquire().await {
            permit.forget();
        }
    }

    /// Lets so many through: those who wait, and those who come later for what is left.
    pub fn let_through(&self, count: usize) {
        // More than there can be would be a panic.
        let room = Semaphore::MAX_PERMITS - self.shared.permits.available_permits();
        self.shared.permits.add_permits(count.min(room));
    }

    /// Lets everyone through from now on.
    pub fn open(&self) {
        self.shared.permits.close();
    }

    /// How many have come to the gate so far, those who passed included.
    #[must_use]
    pub fn arrived(&self) -> usize {
        *self.shared.arrived.borrow()
    }

    /// Waits until so many have come to the gate since it was made.
    pub async fn arrivals(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        // The sender lives as long as this gate, so this ends when enough have come.
        let _ = arrived.wait_for(|arrived| *arrived >= count).await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("arrived", &self.arrived())
            .field("permits", &self.shared.permits.available_permits())
            .finish()
    }
}
