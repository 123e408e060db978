//! What all routes share: problems, bodies, parameters, pages, and the Cache-Status header.

mod body;
mod cache_status;
mod module;
mod page;
mod params;
mod problem;

pub use body::Json;
pub use cache_status::CacheStatus;
pub use module::ProblemsModule;
pub use page::Page;
pub use params::{Path, Query};
pub use problem::{FieldError, Problem};
