//! The routes under `/customers`.

use axum::{Json as Body, Router, extract::State, http::Uri, response::IntoResponse, routing::get};

use super::{CustomerId, CustomerReader};
use crate::{
    http::{CacheStatus, Page, Path, Problem, Query},
    tenants::CurrentTenant,
};

/// The routes of customers.
pub(super) fn routes(reader: CustomerReader) -> Router {
    Router::new()
        .route("/customers/{customer_id}/invoices", get(invoices))
        .route("/customers/{customer_id}/summary", get(summary))
        .with_state(reader)
}

async fn invoices(
    State(reader): State<CustomerReader>,
    CurrentTenant(tenant): CurrentTenant,
    Path(customer): Path<String>,
    Query(page): Query<Page>,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    let (invoices, outcomes) = reader.invoices(&tenant, parse(&customer)?, page).await?;
    let links = page.links(uri.path(), invoices.len());
    Ok((CacheStatus::of_all(outcomes), links, Body(invoices)))
}

async fn summary(
    State(reader): State<CustomerReader>,
    CurrentTenant(tenant): CurrentTenant,
    Path(customer): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let summary = reader.summary(&tenant, parse(&customer)?).await?;
    Ok((CacheStatus::of(summary.outcome), Body(summary.value)))
}

fn parse(customer: &str) -> Result<CustomerId, Problem> {
    customer.parse().map_err(|error: crate::text::TextError| {
        Problem::bad_request("bad-id", format!("the customer id {error}"))
    })
}
