//! A run from start to verdict.

use std::time::Duration;

use tokio::sync::watch;

use crate::checker::check;
use crate::error::TortureError;
use crate::faults::{self, Log, OnServer};
use crate::kept::keep;
use crate::moment::Moment;
use crate::plan::{Lane, Plan};
use crate::pod::Order;
use crate::report::Report;
use crate::rest;
use crate::settings::Settings;
use crate::source::Source;
use crate::world::{Notes, World};

/// How often a run that ends at the first violation looks for one.
const LOOK: Duration = Duration::from_secs(2);

/// How long the pods are left in peace before the first fault, so that there is something to lose.
const PEACE: Duration = Duration::from_secs(1);

/// Starts a deployment, breaks it for as long as the settings say, heals it, and checks what it gave meanwhile.
///
/// # Errors
///
/// [`TortureError`] where the run could not be made; violations are in the [`Report`].
pub async fn run(settings: &Settings) -> Result<Report, TortureError> {
    let mut world = World::start(settings).await?;
    let begun = Moment::now();
    for slot in &world.pods {
        let () = slot.order(&Order::Begin).await?;
    }
    tokio::time::sleep(PEACE).await;
    torture(&mut world, settings).await?;
    rest::look(&mut world, settings).await?;
    let took = Moment::now().since(begun);
    let World {
        server,
        pods,
        source,
        notes,
        ..
    } = world;
    for slot in &pods {
        slot.pod
            .kill()
            .await
            .map_err(TortureError::pod(slot.number))?;
    }
    for mut slot in pods {
        slot.drain().await;
    }
    drop(server);
    let noted = std::mem::take(&mut *notes.lock());
    let mut history = noted.history;
    history.commits = source.commits();
    let verdict = check(&history);
    let kept = if verdict.is_clean() {
        None
    } else {
        Some(keep(settings, &history, &verdict)?)
    };
    Ok(Report {
        seed: settings.seed,
        left_out: settings.left_out.clone(),
        took,
        verdict,
        history,
        errors: noted.errors,
        counts: noted.counts.into_values().collect(),
        strange: noted.strange,
        kept,
    })
}

/// Makes faults until the time is over, or a violation is found where that is enough.
async fn torture(world: &mut World, settings: &Settings) -> Result<(), TortureError> {
    let (end, ending) = watch::channel(false);
    let log = Log {
        notes: world.notes.clone(),
        is_loud: settings.is_loud,
    };
    let plan = |lane| Plan::new(settings.seed, lane);
    let World {
        server,
        pods,
        source,
        notes,
        ..
    } = world;
    let server = OnServer::new(server);
    let lanes = async {
        tokio::try_join!(
            faults::on_server(server, plan(Lane::Server), log.clone(), ending.clone()),
            faults::on_pods(pods, plan(Lane::Pods), log.clone(), ending.clone()),
            async {
                faults::on_source(source, plan(Lane::Source), log.clone(), ending.clone()).await;
                Ok(())
            },
        )
    };
    let time = async {
        let found = found_one(settings, source, notes);
        // Either way it is over; the lanes heal what they have broken, and end.
        let _ = tokio::time::timeout(settings.duration, found).await;
        end.send_replace(true);
    };
    let (made, ()) = tokio::join!(lanes, time);
    made.map(drop)
}

/// Waits for the first violation, where the run ends with it.
async fn found_one(settings: &Settings, source: &Source, notes: &Notes) {
    if !settings.until_violation {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let mut history = notes.lock().history.clone();
        history.commits = source.commits();
        if !check(&history).is_clean() {
            return;
        }
    }
}
