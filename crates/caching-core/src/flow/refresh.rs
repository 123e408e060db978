//! Refreshing an entry behind its caller.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::flow::Engine;
use crate::flow::loading::Loading;
use crate::flow::many::Member;
use crate::flow::request::{Factory, Request};
use crate::observe::CacheEvent;

impl Engine {
    /// Refreshes an entry behind its caller, unless its key is being loaded already.
    pub(crate) fn refresh_behind(self: &Arc<Self>, request: Request, factory: Factory) {
        self.refresh_behind_as(None, request, factory);
    }

    /// The same, for one of many that are refreshed together.
    pub(super) fn refresh_behind_as(
        self: &Arc<Self>,
        member: Option<Arc<Member>>,
        request: Request,
        factory: Factory,
    ) {
        let request = Request {
            is_refresh: true,
            ..request
        };
        let (Ok(runtime), Ok(loading)) =
            (Handle::try_current(), Loading::begin(self, &request.key))
        else {
            return;
        };
        let Ok(_token) = self.begin() else { return };
        let flight =
            self.flights
                .begin_unattended(&request.key, request.profile.factory_hard_limit, || {
                    self.origin()
                });
        if let Some(flight) = flight {
            self.counters.eager_refreshes.add();
            let key = request.key.as_ref();
            self.events
                .tell(&key, |key| CacheEvent::EagerRefresh { key });
            if let Some(member) = member {
                flight.goes_with(member);
            }
            self.take_off(&runtime, &flight, request, factory, loading);
        }
    }
}
