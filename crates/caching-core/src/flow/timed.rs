//! How long a factory took, and what came of it, whatever ends it.

use crate::clock::Tick;
use crate::entry::Content;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::flight::Flight;
use crate::flow::request::Request;
use crate::observe::{CacheEvent, FactoryEnd};

/// A factory that runs. When this is dropped, it has ended.
pub(super) struct Timed<'a> {
    engine: &'a Engine,
    flight: &'a Flight,
    request: &'a Request,
    begun: Tick,
    end: FactoryEnd,
}

impl<'a> Timed<'a> {
    pub(super) fn begin(engine: &'a Engine, flight: &'a Flight, request: &'a Request) -> Self {
        let key = flight.key.as_ref();
        engine
            .events
            .tell(&key, |key| CacheEvent::FactoryStarted { key });
        Self {
            engine,
            flight,
            request,
            begun: engine.clock.now(),
            end: FactoryEnd::Dropped,
        }
    }

    /// It came to its end by itself, or to its hard limit.
    pub(super) fn ended(mut self, result: &Result<Content, CacheError>) {
        self.end = match result {
            Ok(_) => FactoryEnd::Answered,
            Err(CacheError::FactoryTimeout { .. }) => FactoryEnd::TimedOut,
            Err(_) => FactoryEnd::Failed,
        };
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let took = self.engine.clock.now().since(self.begun);
        self.engine.factory_times.note(took);
        let (end, key) = (self.end, self.flight.key.as_ref());
        let in_background = self.request.is_refresh || self.flight.is_unattended();
        self.engine
            .events
            .tell(&key, |key| CacheEvent::FactoryEnded {
                key,
                took,
                end,
                in_background,
            });
    }
}
