//! The routes under `/features`.

use axum::{
    Json as Body, Router,
    extract::State,
    response::IntoResponse,
    routing::{get, put},
};

use super::{Feature, FeatureBody, FeatureCommands, FeatureError, FeatureReader, flag_name};
use crate::{
    http::{CacheStatus, Json, Path, Problem},
    tenants::CurrentTenant,
};

/// The routes of flags.
pub(super) fn routes(commands: FeatureCommands, reader: FeatureReader) -> Router {
    let reads = Router::new()
        .route("/features/{name}", get(read))
        .with_state(reader);
    let writes = Router::new()
        .route("/features/{name}", put(set))
        .with_state(commands);
    reads.merge(writes)
}

async fn read(
    State(reader): State<FeatureReader>,
    CurrentTenant(tenant): CurrentTenant,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let (feature, outcomes) = reader.get(&tenant, check(&name)?).await?;
    let status = CacheStatus::of_all(outcomes);
    Ok(match feature {
        Some(feature) => (status, Body(feature)).into_response(),
        None => {
            let problem = Problem::not_found(format!("nobody has set the feature \"{name}\""));
            (status, problem).into_response()
        }
    })
}

async fn set(
    State(commands): State<FeatureCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Path(name): Path<String>,
    Json(body): Json<FeatureBody>,
) -> Result<Body<Feature>, Problem> {
    let name = check(&name)?.to_owned();
    Ok(Body(commands.set(&tenant, name, body).await?))
}

fn check(name: &str) -> Result<&str, Problem> {
    flag_name(name).map_err(|detail| Problem::bad_request("bad-name", detail))
}

impl From<FeatureError> for Problem {
    fn from(error: FeatureError) -> Self {
        match error {
            FeatureError::Database(error) => Self::from(error),
        }
    }
}
