//! What all routes share: problems, bodies, parameters, pages, and the Cache-Status header.

mod problem;
mod body;
mod params;
mod page;
mod cache_status;
mod module;

pub use body::Json;
pub use cache_status::CacheStatus;
pub use module::ProblemsModule;
pub use page::Page;
pub use params::{Path, Query};
pub use problem::{FieldError, Problem};
