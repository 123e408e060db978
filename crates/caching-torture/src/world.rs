//! What a run is made of: the server, the proxies, the pods, the source, and what was noted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caching_testkit::{FaultProxy, Pod, PodLines, RedisServer};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::error::TortureError;
use crate::history::{Counts, Happened, History};
use crate::pod::{self, Batch, Order, Setup};
use crate::settings::Settings;
use crate::source::Source;

/// The bound on staleness, as the cache has it by default.
pub(crate) const BOUND: Duration = Duration::from_secs(1);

/// What everybody in the driver writes to.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) history: History,
    /// Reads that failed.
    pub(crate) errors: u64,
    /// What each pod has counted.
    pub(crate) counts: BTreeMap<u32, Counts>,
    /// Lines of pods that are none of ours, such as a panic would leave.
    pub(crate) strange: Vec<String>,
}

/// Locked to add to it, or to look; never across an await.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        // Whole after each statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self, happened: Happened, is_loud: bool) {
        if is_loud {
            let Happened { fault, detail, .. } = &happened;
            let mark = if happened.is_effective {
                ""
            } else {
                "  (no effect)"
            };
            eprintln!("  {fault:36} {detail}{mark}");
        }
        self.lock().history.faults.push(happened);
    }
}

/// The parts that faults are made on, apart from each other so that each lane has its own.
pub(crate) struct World {
    pub(crate) server: RedisServer,
    pub(crate) pods: Vec<Slot>,
    pub(crate) source: Source,
    pub(crate) notes: Notes,
    /// Of the socket of the source.
    _folder: TempDir,
}

/// A place in the deployment: a link to the server, and the pod that has it at present.
pub(crate) struct Slot {
    pub(crate) proxy: FaultProxy,
    pub(crate) number: u32,
    pub(crate) pod: Pod,
    /// Takes in what the pod reports; ends with its output.
    reader: JoinHandle<()>,
    template: Setup,
    settings: Settings,
    notes: Notes,
}

impl World {
    pub(crate) async fn start(settings: &Settings) -> Result<Self, TortureError> {
        let folder = tempfile::tempdir().map_err(TortureError::io("a folder for a socket"))?;
        let path = folder.path().join("source");
        let source = Source::serve(&path, settings.load.keys, settings.seed)
            .map_err(TortureError::io("the socket of the source"))?;
        // Data is loaded anew by a command of `DEBUG`, and a full resynchronisation is to begin at once.
        let server = RedisServer::builder()
            .directive("enable-debug-command", "local")
            .directive("repl-diskless-sync-delay", "0")
            .start()
            .await?;
        let notes = Notes::default();
        {
            let history = &mut notes.lock().history;
            history.keys = settings.load.keys;
            history.tags = settings.load.tags;
            history.bound = BOUND;
        }
        let mut pods = Vec::new();
        for number in 0..settings.pods {
            let proxy =
                FaultProxy::start_seeded(server.address(), settings.seed ^ u64::from(number))
                    .await
                    .map_err(TortureError::io("a fault proxy"))?;
            let template = Setup {
                pod: number,
                seed: settings.seed,
                load: settings.load,
                redis: server.url_at(proxy.address()),
                source: path.clone(),
                left_out: settings.left_out.clone(),
            };
            let (pod, reader) = launch(&template, settings, &notes)?;
            pods.push(Slot {
                proxy,
                number,
                pod,
                reader,
                template,
                settings: settings.clone(),
                notes: notes.clone(),
            });
        }
        for slot in &pods {
            let _: bool = slot.order(&Order::Start).await?;
        }
        Ok(Self {
            server,
            pods,
            source,
            notes,
            _folder: folder,
        })
    }
}

impl Slot {
    /// Tells the pod something, and gives its answer.
    pub(crate) async fn order<A: DeserializeOwned>(
        &self,
        order: &Order,
    ) -> Result<A, TortureError> {
        self.pod
            .request(order)
            .await
            .map_err(TortureError::pod(self.number))
    }

    /// Starts another pod in the place of this one, which has ended.
    pub(crate) async fn replace(&mut self) -> Result<(), TortureError> {
        self.drain().await;
        // Numbers are never used twice, so that histories of two pods are not taken for one.
        self.number += self.settings.pods;
        self.template.pod = self.number;
        self.template.seed = self.settings.seed ^ (u64::from(self.number) << 32);
        (self.pod, self.reader) = launch(&self.template, &self.settings, &self.notes)?;
        let _: bool = self.order(&Order::Start).await?;
        Ok(())
    }

    /// Waits until everything is taken in that an ended pod has reported.
    pub(crate) async fn drain(&mut self) {
        // It ends with the pod's output. A reader that panicked has nothing to wait for.
        let _ = (&mut self.reader).await;
    }
}

fn launch(
    setup: &Setup,
    settings: &Settings,
    notes: &Notes,
) -> Result<(Pod, JoinHandle<()>), TortureError> {
    // Numbers, strings and a path that came from UTF-8.
    let text = serde_json::to_string(setup)
        .map_err(|error| TortureError::io("the setup of a pod")(error.into()))?;
    let mut pod = Pod::builder(&settings.program)
        .arg(pod::ARGUMENT)
        .env(pod::SETUP, text)
        .start()
        .map_err(TortureError::pod(setup.pod))?;
    // The first call gives them.
    let lines = pod.lines();
    let reader = tokio::spawn(take_in(setup.pod, lines, notes.clone()));
    Ok((pod, reader))
}

async fn take_in(pod: u32, lines: Option<PodLines>, notes: Notes) {
    let Some(mut lines) = lines else { return };
    while let Some(line) = lines.next().await {
        match serde_json::from_str::<Batch>(&line) {
            Ok(batch) => {
                let mut noted = notes.lock();
                noted.history.reads.extend(batch.reads);
                noted.history.invalidations.extend(batch.invalidations);
                noted.errors += batch.errors;
                if !batch.counts.is_empty() {
                    noted.counts.insert(pod, batch.counts);
                }
            }
            // The last line of a pod that was killed may be half a line.
            Err(_) if line.starts_with("{\"reads\":") => {}
            Err(_) => notes.lock().strange.push(format!("pod {pod}: {line}")),
        }
    }
}
