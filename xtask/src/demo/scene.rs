//! What happens, in order, and for how long it is watched.

use std::time::Duration;

use crate::failure::Result;

use super::stage::Stage;

/// One row of the table.
pub(super) struct Scene {
    pub(super) what: &'static str,
    pub(super) act: fn(&mut Stage) -> Result,
    pub(super) lasts: Duration,
}

const fn scene(what: &'static str, seconds: u64, act: fn(&mut Stage) -> Result) -> Scene {
    Scene {
        what,
        act,
        lasts: Duration::from_secs(seconds),
    }
}

/// Some 35 seconds.
pub(super) const SCENES: &[Scene] = &[
    scene("all is well", 4, |_| Ok(())),
    scene("redis: FLUSHALL", 3, Stage::flush_redis),
    scene("redis frozen (SIGSTOP)", 3, Stage::freeze_redis),
    scene("redis goes on (SIGCONT)", 3, Stage::thaw_redis),
    scene("redis killed (SIGKILL)", 4, Stage::kill_redis),
    scene("redis started, empty", 4, Stage::start_redis),
    scene("pod 2 killed (SIGKILL)", 2, |stage| stage.kill_pod(1)),
    scene("pod 2 started", 3, |stage| stage.start_pod(1)),
    scene("pod 3 frozen (SIGSTOP)", 2, |stage| stage.freeze_pod(2)),
    scene("pod 3 goes on (SIGCONT)", 3, |stage| stage.thaw_pod(2)),
    scene("redis killed and started", 3, Stage::restart_redis),
];
