//! Makes faults, heals them, and looks whether they had an effect.

mod on_pods;
mod on_server;

use std::time::Duration;

use tokio::sync::watch;

use crate::error::TortureError;
use crate::fault::Fault;
use crate::history::Happened;
use crate::moment::Moment;
use crate::plan::{Plan, Planned};
use crate::source::Source;
use crate::world::{Notes, Slot};

pub(crate) use self::on_server::OnServer;

/// How long a load is held back at most: past the bound, and past the time after which callers are given stale
/// values.
const LONGEST_HOLD: Duration = Duration::from_millis(3000);

/// What came of a fault: what it hit, and whether its effect was observed.
pub(crate) struct Effect {
    pub(crate) detail: String,
    pub(crate) is_effective: bool,
}

impl Effect {
    fn new(is_effective: bool, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            is_effective,
        }
    }
}

/// Until when faults are made.
pub(crate) type Ending = watch::Receiver<bool>;

/// Where the faults of a lane are noted.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) notes: Notes,
    pub(crate) is_loud: bool,
}

impl Log {
    fn note(&self, fault: Fault, begun: Moment, effect: Effect) {
        let happened = Happened {
            fault,
            detail: effect.detail,
            begun,
            ended: Moment::now(),
            is_effective: effect.is_effective,
        };
        self.notes.fault(happened, self.is_loud);
    }
}

/// Waits for the time of the next fault; false once the run is over.
async fn rest(planned: &Planned, ending: &mut Ending) -> bool {
    tokio::select! {
        _ = ending.wait_for(|is_over| *is_over) => false,
        () = tokio::time::sleep(planned.rest) => true,
    }
}

/// Lets a fault last; shorter where the run ends.
async fn last(duration: Duration, ending: &mut Ending) {
    tokio::select! {
        _ = ending.wait_for(|is_over| *is_over) => {}
        () = tokio::time::sleep(duration) => {}
    }
}

/// Makes the faults of the server, one after the other.
pub(crate) async fn on_server(
    mut server: OnServer<'_>,
    plan: Plan,
    log: Log,
    mut ending: Ending,
) -> Result<(), TortureError> {
    for planned in plan {
        if !rest(&planned, &mut ending).await {
            break;
        }
        let begun = Moment::now();
        let effect = server.make(&planned, &mut ending).await?;
        log.note(planned.fault, begun, effect);
    }
    Ok(())
}

/// Makes the faults of pods and their links, one after the other.
pub(crate) async fn on_pods(
    pods: &mut [Slot],
    plan: Plan,
    log: Log,
    mut ending: Ending,
) -> Result<(), TortureError> {
    for planned in plan {
        if !rest(&planned, &mut ending).await {
            break;
        }
        let place = planned.pod as usize % pods.len().max(1);
        let Some(slot) = pods.get_mut(place) else {
            break;
        };
        let begun = Moment::now();
        let effect = on_pods::make(slot, &planned, &mut ending).await?;
        log.note(planned.fault, begun, effect);
    }
    Ok(())
}

/// Holds loads back, time and again.
pub(crate) async fn on_source(source: &Source, plan: Plan, log: Log, mut ending: Ending) {
    for planned in plan {
        if !rest(&planned, &mut ending).await {
            break;
        }
        let (begun, before) = (Moment::now(), source.overtaken());
        source.hold(Some(LONGEST_HOLD));
        last(planned.duration, &mut ending).await;
        source.hold(None);
        let overtaken = source.overtaken() - before;
        let detail = format!("{overtaken} loads were overtaken by a write");
        log.note(planned.fault, begun, Effect::new(overtaken > 0, detail));
    }
}
