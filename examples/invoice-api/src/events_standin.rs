//! Stand-in for the event bus until caching-events is there.

use std::any::Any;
use std::sync::Arc;

use crate::database::{Database, DatabaseError, Transaction};

/// Receives events.
pub type Sink = Arc<dyn Fn(Box<dyn Any + Send + Sync>) + Send + Sync>;

/// The bus.
#[derive(Clone)]
pub struct EventBus(pub Sink);

/// A unit of work.
pub struct UnitOfWork {
    tx: Transaction,
    events: Vec<Box<dyn Any + Send + Sync>>,
    bus: EventBus,
}

impl UnitOfWork {
    /// Begins.
    pub async fn begin(db: &Database, bus: &EventBus, name: &'static str) -> Result<Self, DatabaseError> {
        Ok(Self { tx: db.write(name).await?, events: Vec::new(), bus: bus.clone() })
    }
    /// Tx.
    pub fn tx(&mut self) -> &mut Transaction {
        &mut self.tx
    }
    /// Raise.
    pub fn raise<E: Any + Send + Sync>(&mut self, event: E) {
        self.events.push(Box::new(event));
    }
    /// Commit.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        self.tx.commit().await?;
        for event in self.events {
            (self.bus.0)(event);
        }
        Ok(())
    }
}
