//! The operations that Redis runs as one step: scripts in Lua.
//!
//! Each is put together from pieces, the same bytes in every process, so that one loaded script serves all.

use std::sync::LazyLock;

use deadpool_redis::redis::Script as Source;

/// A script and the name that Redis knows it by.
pub(crate) struct Script {
    source: Source,
    code: String,
}

impl Script {
    /// What `EVALSHA` takes.
    pub(crate) fn hash(&self) -> &str {
        self.source.get_hash()
    }

    /// What `EVAL` and `SCRIPT LOAD` take.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    fn new(flags: &str, pieces: &[&str]) -> Self {
        let code = format!("#!lua{flags}\n{}", pieces.join("\n"));
        Self {
            source: Source::new(&code),
            code,
        }
    }
}

/// The scripts, as they are sent.
pub(crate) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(Scripts::assemble);

pub(crate) struct Scripts {
    pub(crate) hello: Script,
    pub(crate) poll: Script,
    pub(crate) fill: Script,
    pub(crate) put: Script,
    pub(crate) invalidate: Script,
    pub(crate) purge: Script,
    pub(crate) claim: Script,
    pub(crate) release: Script,
}

/// What has to work where memory is used up: only what stores is refused then.
const WHEN_FULL: &str = " flags=allow-oom";

impl Scripts {
    fn assemble() -> Self {
        let prelude = include_str!("scripts/prelude.lua");
        let epoch = include_str!("scripts/epoch.lua");
        let change = include_str!("scripts/change.lua");
        let store = include_str!("scripts/store.lua");
        Self {
            hello: Script::new(
                WHEN_FULL,
                &[prelude, epoch, include_str!("scripts/hello.lua")],
            ),
            poll: Script::new(
                WHEN_FULL,
                &[prelude, epoch, include_str!("scripts/poll.lua")],
            ),
            fill: Script::new("", &[prelude, store, include_str!("scripts/fill.lua")]),
            put: Script::new(
                "",
                &[
                    prelude,
                    epoch,
                    change,
                    store,
                    include_str!("scripts/put.lua"),
                ],
            ),
            invalidate: Script::new(
                WHEN_FULL,
                &[
                    prelude,
                    epoch,
                    change,
                    include_str!("scripts/invalidate.lua"),
                ],
            ),
            purge: Script::new(
                WHEN_FULL,
                &[prelude, epoch, change, include_str!("scripts/purge.lua")],
            ),
            claim: Script::new("", &[include_str!("scripts/claim.lua")]),
            release: Script::new(WHEN_FULL, &[include_str!("scripts/release.lua")]),
        }
    }

    /// All of them, to be loaded on a new connection.
    pub(crate) const fn all(&self) -> [&Script; 8] {
        [
            &self.hello,
            &self.poll,
            &self.fill,
            &self.put,
            &self.invalidate,
            &self.purge,
            &self.claim,
            &self.release,
        ]
    }
}
