//! Whether an application can take requests, part by part.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::health::HealthCheck;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::phase::Phase;
use crate::panic::catch_async;
use crate::{AppReport, Enablement, Health, Services};

/// Whether an application can take requests, part by part; the body of `/health/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    status: &'static str,
    modules: Vec<ModuleHealth>,
    checks: Vec<CheckHealth>,
}

/// How far a module is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ModuleHealth {
    /// The name of the module.
    pub name: &'static str,
    /// `disabled`, `waiting`, `starting`, `started`, `failed`, `stopping` or `stopped`.
    pub state: &'static str,
    /// Why the module is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a health check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckHealth {
    /// The name of the check.
    pub name: String,
    /// The module that it belongs to.
    pub module: &'static str,
    /// `up`, `degraded` or `down`.
    pub state: &'static str,
    /// What the check had to say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl HealthReport {
    /// Whether requests should come here: the application runs, and no check is down.
    pub fn is_ready(&self) -> bool {
        matches!(self.status, "up" | "degraded")
    }

    /// `built`, `starting`, `stopping` or `stopped`; while running the worst of the checks: `up`, `degraded`
    /// or `down`.
    pub fn status(&self) -> &'static str {
        self.status
    }

    /// How far each module is, in the order of their start, disabled ones last.
    pub fn modules(&self) -> &[ModuleHealth] {
        &self.modules
    }

    /// What each check said; empty while the application does not run, as nobody was asked.
    pub fn checks(&self) -> &[CheckHealth] {
        &self.checks
    }

    /// The application is gone.
    #[cfg(feature = "http")]
    pub(crate) fn gone() -> Self {
        Self {
            status: Phase::Stopped.as_str(),
            modules: Vec::new(),
            checks: Vec::new(),
        }
    }
}

/// Asks an application how it is.
pub(crate) struct Readiness {
    disabled: Vec<ModuleHealth>,
    checks: Vec<HealthCheck>,
    /// How long one check may take.
    limit: Duration,
}

impl Readiness {
    pub(crate) fn new(checks: Vec<HealthCheck>, limit: Duration, report: &AppReport) -> Self {
        let disabled = report.modules().iter().filter_map(|module| {
            let Enablement::Disabled { reason } = module.enablement() else {
                return None;
            };
            Some(ModuleHealth {
                name: module.name(),
                state: "disabled",
                reason: Some(reason.clone()),
            })
        });
        Self {
            disabled: disabled.collect(),
            checks,
            limit,
        }
    }

    pub(crate) async fn ask(&self, lifecycle: &Lifecycle) -> HealthReport {
        let phase = lifecycle.phase();
        let modules = self.modules(lifecycle);
        if phase != Phase::Running {
            // Checks would ask services that are not open yet, or no longer.
            return HealthReport {
                status: phase.as_str(),
                modules,
                checks: Vec::new(),
            };
        }
        let answers = self.ask_all(&lifecycle.facts().services).await;
        let is_any = |condition: fn(&Health) -> bool| answers.iter().any(condition);
        let status = if is_any(|health| matches!(health, Health::Down(_))) {
            "down"
        } else if is_any(|health| matches!(health, Health::Degraded(_))) {
            "degraded"
        } else {
            "up"
        };
        let checks = self.checks.iter().zip(answers);
        HealthReport {
            status,
            modules,
            checks: checks.map(|(check, health)| part(check, health)).collect(),
        }
    }

    fn modules(&self, lifecycle: &Lifecycle) -> Vec<ModuleHealth> {
        let enabled = lifecycle.modules().iter().map(|hosted| ModuleHealth {
            name: hosted.name,
            state: hosted.state().as_str(),
            reason: None,
        });
        enabled.chain(self.disabled.iter().cloned()).collect()
    }

    /// Asks all checks at once, each bounded in time; answers in the order of the checks.
    async fn ask_all(&self, services: &Services) -> Vec<Health> {
        // The tasks are owned by this set: whoever asks and goes away drops them.
        let mut asked = JoinSet::new();
        for (index, check) in self.checks.iter().enumerate() {
            let (ask, services, limit) = (Arc::clone(&check.ask), services.clone(), self.limit);
            asked.spawn(async move {
                let answer = timeout(limit, catch_async(async { ask(services).await })).await;
                let health = match answer {
                    Ok(Ok(health)) => health,
                    Ok(Err(panicked)) => Health::Down(panicked.to_string()),
                    Err(_) => Health::Down(format!("no answer within {limit:?}")),
                };
                (index, health)
            });
        }
        let mut answers = Vec::with_capacity(self.checks.len());
        // A check catches its own panic, so that the only failed join is that of a runtime going down.
        while let Some(answer) = asked.join_next().await {
            answers.extend(answer);
        }
        answers.sort_unstable_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, health)| health).collect()
    }
}

fn part(check: &HealthCheck, health: Health) -> CheckHealth {
    let (state, detail) = match health {
        Health::Up => ("up", None),
        Health::Degraded(detail) => ("degraded", Some(detail)),
        Health::Down(detail) => ("down", Some(detail)),
    };
    CheckHealth {
        name: check.name.clone(),
        module: check.module,
        state,
        detail,
    }
}
