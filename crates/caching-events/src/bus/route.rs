//! Where the events of one type go.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::handler::Handler;

/// The handlers of one event, in their order.
#[derive(Default)]
pub(crate) struct Route {
    pub(crate) invalidations: Vec<Arc<Seat>>,
    pub(crate) handlers: Vec<Arc<Seat>>,
}

/// A handler, with room for as many tries at a time as it may have.
pub(crate) struct Seat {
    pub(crate) handler: Handler,
    // One for each handler, so that one that hangs takes no room from the others.
    pub(crate) room: Semaphore,
}

/// The routes of sorted handlers.
pub(crate) fn routes(handlers: &[Handler], concurrency: usize) -> HashMap<TypeId, Arc<Route>> {
    let mut routes: HashMap<TypeId, Route> = HashMap::new();
    for handler in handlers {
        let route = routes.entry(handler.event().id).or_default();
        let seats = if handler.is_invalidation() {
            &mut route.invalidations
        } else {
            &mut route.handlers
        };
        seats.push(Arc::new(Seat {
            handler: *handler,
            room: Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)),
        }));
    }
    routes
        .into_iter()
        .map(|(event, route)| (event, Arc::new(route)))
        .collect()
}
