//! `cargo xtask demo`: three pods of the invoice API over one Redis, and what they answer while it fails.

mod http;
mod pod;
mod process;
mod redis;
mod scene;
mod stage;
mod table;
mod traffic;

use std::fs;
use std::path::PathBuf;
use std::process::id;
use std::thread::sleep;
use std::time::Instant;

use crate::failure::{Failure, Result};
use crate::tool;

use self::pod::Build;
use self::scene::SCENES;
use self::stage::Stage;
use self::table::Table;

/// Plays all scenes, prints a row each, and fails where a pod gave an old value past the bound, an error, or
/// in the end another value than the others.
pub(crate) fn run(arguments: &[String]) -> Result {
    let build = match arguments {
        [] => Build::Debug,
        [option] if option == "--release" => Build::Release,
        _ => {
            return Err(Failure::new("`demo` knows one option")
                .remedy("cargo xtask demo, or cargo xtask demo --release"));
        }
    };
    if cfg!(not(unix)) {
        return Err(
            Failure::new("the demo stops and resumes processes by Unix signals")
                .remedy("run it on Linux or macOS"),
        );
    }
    tool::run(tool::cargo(["build", "--package", "invoice-api"]).args(build.option()))?;
    let folder = Folder::create()?;
    let outcome = play(build, &folder);
    match outcome {
        Ok(()) => folder.remove(),
        Err(failure) => Err(failure.remedy(format!(
            "the logs of the pods and of Redis are in {}",
            folder.0.display()
        ))),
    }
}

fn play(build: Build, folder: &Folder) -> Result {
    let mut stage = Stage::set(build, &folder.0)?;
    let mut table = Table::new();
    table.head(&stage);
    let began = Instant::now();
    for scene in SCENES {
        let at = began.elapsed();
        (scene.act)(&mut stage)?;
        sleep(scene.lasts);
        table.row(at, scene.what, &stage.traffic.take());
    }
    stage.traffic.end();
    let versions = stage.last_words()?;
    table.end(&versions, &stage.in_redis()?);
    table.verdict()
}

/// Where database and logs are; it stays when something went wrong.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("invoice-api-demo-{}", id()));
        fs::create_dir_all(&path)
            .map_err(|error| Failure::new(format!("cannot create {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    fn remove(self) -> Result {
        fs::remove_dir_all(&self.0)
            .map_err(|error| Failure::new(format!("cannot remove {}: {error}", self.0.display())))
    }
}
