//! Path and query parameters, refused with a problem document.

use axum::{
    extract::{FromRequestParts, path::ErrorKind},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::Problem;

/// Parameters of the path; 400 when one cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// Parameters after the question mark; 400 when one cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        use axum::extract::{Path, rejection::PathRejection};
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(Problem::bad_request(
                "bad-path",
                match error.into_kind() {
                    ErrorKind::InvalidUtf8InPathParam { key } => {
                        format!("the path parameter \"{key}\" is not UTF-8")
                    }
                    other => other.to_string(),
                },
            )),
            Err(other) => Err(Problem::internal(&other)),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        use axum::extract::Query;
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|error| Problem::bad_request("bad-query", error.body_text()))
    }
}
