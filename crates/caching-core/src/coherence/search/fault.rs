//! What goes wrong in a small world: each fault is a step that may be taken at any time, so often.

use super::server::{Data, Identity, Logged, Server};
use super::state::{State, Then};
use super::step::Step;
use super::world::World;

/// Every fault that may happen next.
pub(super) fn steps(state: &State, world: &World, then: &mut Then<'_>) {
    servers(state, world, then);
    links(state, then);
}

fn servers(state: &State, world: &World, then: &mut Then<'_>) {
    let primary = usize::from(state.servers[0].is_deposed);
    let left = state.faults;
    if left.save > 0 {
        state.take(Step::Save, then, |next| {
            next.faults.save -= 1;
            next.saved = Some(next.servers[primary].data);
        });
    }
    if left.flush > 0 {
        state.take(Step::Flush, then, |next| {
            next.faults.flush -= 1;
            next.servers[primary].data = Data::default();
        });
    }
    if left.evict > 0 {
        state.take(Step::Evict, then, |next| {
            next.faults.evict -= 1;
            next.servers[primary].data.control = None;
        });
    }
    if left.trim > 0 {
        state.take(Step::Trim, then, |next| {
            next.faults.trim -= 1;
            next.servers[primary].data.log = [Logged::Nothing; _];
        });
    }
    if left.restart > 0 {
        state.take(Step::Restart, then, |next| {
            next.faults.restart -= 1;
            next.identities += 1;
            let server = &mut next.servers[primary];
            server.data = next.saved.take().unwrap_or_default();
            server.identity = Identity {
                run: next.identities,
                replication: next.identities,
            };
            // Its connections are gone.
            for pod in next.pods.iter_mut().filter(|pod| pod.server == primary) {
                pod.is_greeted = false;
            }
        });
    }
    let Some(saved) = state.saved else {
        return;
    };
    if left.demote > 0 {
        state.take(Step::Demote, then, |next| {
            next.faults.demote -= 1;
            next.identities += 1;
            next.saved = None;
            let server = &mut next.servers[primary];
            server.data = saved;
            server.identity.replication = next.identities;
            if world.is_forgiven {
                next.count_from_now();
            }
        });
    }
    if left.failover > 0 {
        state.take(Step::Failover, then, |next| {
            next.faults.failover -= 1;
            next.identities += 1;
            next.saved = None;
            next.servers[0].is_deposed = true;
            next.servers[1] = Server {
                identity: Identity {
                    run: next.identities,
                    replication: next.identities,
                },
                data: saved,
                is_deposed: false,
            };
        });
    }
}

fn links(state: &State, then: &mut Then<'_>) {
    for p in 0..state.pods.len() {
        if state.pods[p].server == 0 && state.servers[0].is_deposed {
            state.take(Step::Move(p), then, |next| {
                next.pods[p].server = 1;
                next.pods[p].is_greeted = false;
            });
        }
    }
    if state.faults.cut > 0 {
        state.take(Step::Cut(0), then, |next| {
            next.faults.cut -= 1;
            next.pods[0].is_cut = true;
        });
    }
    if state.pods[0].is_cut {
        state.take(Step::Heal(0), then, |next| next.pods[0].is_cut = false);
    }
}
