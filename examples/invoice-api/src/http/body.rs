//! A JSON body, refused with a problem document.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{StatusCode, header},
};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Problem;

/// A JSON body. What cannot be read is answered with a [`Problem`]: 413 when it is too long, 415 when it is
/// not said to be JSON, 400 when it is not JSON, 422 when its shape is another.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !says_json(&request) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "expected a body with the header `Content-Type: application/json`",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        parse(&bytes).map(Json)
    }
}

fn says_json(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

fn unread(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-long",
            "the body is longer than this server takes (`server.body_limit`)",
        );
    }
    Problem::bad_request("unreadable", "the body could not be read to its end")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() && is_json_text(bytes) {
            let detail = format!("the body has another shape: {error}");
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-shape", detail);
        }
        Problem::bad_request("malformed-json", format!("the body is not JSON: {error}"))
    })
}

/// Whether all of it is JSON: a fault of shape may come before one of syntax.
fn is_json_text(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}
