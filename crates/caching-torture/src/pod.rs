//! The program that is tortured: a cache over Redis, with readers and writers.

mod cache;
mod orders;
mod record;
mod workload;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::load::Load;

pub use self::orders::{Order, Status};
pub use self::record::Batch;

use self::cache::Cache;
use self::record::Record;
use self::workload::Workload;

/// The argument with which a program says that it is to be a pod.
pub const ARGUMENT: &str = "pod";

/// The environment variable that holds a pod's [`Setup`], as JSON.
pub const SETUP: &str = "TORTURE_POD";

/// What a pod is told when it is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Its number.
    pub pod: u32,
    /// Its load is drawn from it.
    pub seed: u64,
    /// How much that is.
    pub load: Load,
    /// Where Redis is.
    pub redis: String,
    /// The socket of the source.
    pub source: PathBuf,
    /// The rules that it leaves out.
    pub left_out: Vec<String>,
}

/// Is a pod until the driver is gone: what a program's `main` calls when its argument is [`ARGUMENT`].
///
/// # Errors
///
/// When there is no [`SETUP`], when the cache cannot be built, and as [`caching_testkit::serve_pod`].
pub fn serve() -> io::Result<()> {
    let setup = std::env::var(SETUP).map_err(io::Error::other)?;
    let setup: Setup = serde_json::from_str(&setup).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let record = Arc::new(Record::start()?);
    let cache = Cache::build(&setup, Arc::clone(&record)).map_err(io::Error::other)?;
    let workload = Workload::new(&setup, cache);
    runtime.block_on(caching_testkit::serve_pod(move |order| {
        let workload = workload.clone();
        async move { workload.obey(order).await }
    }))
}
