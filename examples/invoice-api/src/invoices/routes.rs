//! The routes under `/invoices`.

use axum::{
    Json as Body, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    Draft, Invoice, InvoiceBody, InvoiceCommands, InvoiceError, InvoiceId, InvoiceReader,
    MAX_NUMBER,
};
use crate::{
    http::{CacheStatus, Json, Path, Problem, Query},
    tenants::CurrentTenant,
    text,
};

/// The routes of invoices.
pub(super) fn routes(commands: InvoiceCommands, reader: InvoiceReader) -> Router {
    let reads = Router::new()
        .route("/invoices", get(by_number))
        .route("/invoices/{id}", get(by_id))
        .with_state(reader);
    let writes = Router::new()
        .route("/invoices", post(create))
        .route("/invoices/{id}", axum::routing::put(replace).delete(delete))
        .route("/invoices/{id}/pay", post(pay))
        .route("/invoices/{id}/cancel", post(cancel))
        .with_state(commands);
    reads.merge(writes)
}

async fn by_id(
    State(reader): State<InvoiceReader>,
    CurrentTenant(tenant): CurrentTenant,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let invoice = reader.by_id(&tenant, parse(&id)?).await?;
    let status = CacheStatus::of(invoice.outcome);
    Ok(match invoice.value {
        Some(invoice) => (status, Body(invoice)).into_response(),
        None => (status, Problem::from(InvoiceError::NotFound)).into_response(),
    })
}

#[derive(Deserialize)]
struct ByNumber {
    number: String,
}

async fn by_number(
    State(reader): State<InvoiceReader>,
    CurrentTenant(tenant): CurrentTenant,
    Query(ByNumber { number }): Query<ByNumber>,
) -> Result<impl IntoResponse, Problem> {
    text::name(&number, MAX_NUMBER)
        .map_err(|error| Problem::bad_request("bad-number", format!("the number {error}")))?;
    let (invoices, outcomes) = reader.by_number(&tenant, number).await?;
    Ok((CacheStatus::of_all(outcomes), Body(invoices)))
}

async fn create(
    State(commands): State<InvoiceCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Json(body): Json<InvoiceBody>,
) -> Result<impl IntoResponse, Problem> {
    let draft = Draft::try_from(body).map_err(Problem::invalid)?;
    let invoice = commands.create(&tenant, draft).await?;
    // An id is made of hexadecimal digits and hyphens, which every header value may hold.
    let location = HeaderValue::try_from(format!("/invoices/{}", invoice.id))
        .map_err(|error| Problem::internal(&error))?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Body(invoice),
    ))
}

async fn replace(
    State(commands): State<InvoiceCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Path(id): Path<String>,
    Json(body): Json<InvoiceBody>,
) -> Result<Body<Invoice>, Problem> {
    let id = parse(&id)?;
    let draft = Draft::try_from(body).map_err(Problem::invalid)?;
    Ok(Body(commands.replace(&tenant, id, draft).await?))
}

async fn pay(
    State(commands): State<InvoiceCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Path(id): Path<String>,
) -> Result<Body<Invoice>, Problem> {
    Ok(Body(commands.pay(&tenant, parse(&id)?).await?))
}

async fn cancel(
    State(commands): State<InvoiceCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Path(id): Path<String>,
) -> Result<Body<Invoice>, Problem> {
    Ok(Body(commands.cancel(&tenant, parse(&id)?).await?))
}

async fn delete(
    State(commands): State<InvoiceCommands>,
    CurrentTenant(tenant): CurrentTenant,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    commands.delete(&tenant, parse(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(id: &str) -> Result<InvoiceId, Problem> {
    id.parse()
        .map_err(|error: super::InvoiceIdError| Problem::bad_request("bad-id", error.to_string()))
}

impl From<InvoiceError> for Problem {
    fn from(error: InvoiceError) -> Self {
        let detail = error.to_string();
        match error {
            InvoiceError::NotFound => Self::not_found(detail),
            InvoiceError::NumberTaken { .. } => {
                Self::new(StatusCode::CONFLICT, "number-taken", detail)
            }
            InvoiceError::WrongState { .. } => {
                Self::new(StatusCode::CONFLICT, "wrong-state", detail)
            }
            InvoiceError::Database(error) => Self::from(error),
        }
    }
}
