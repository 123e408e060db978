//! An error as the client sees it: `application/problem+json` (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use caching_core::CacheError;
use serde::Serialize;

use crate::database::DatabaseError;

/// An error as the client sees it: `application/problem+json` (RFC 9457).
///
/// `type` is `about:blank`, which says that the status tells what kind of problem this is; `code` is a
/// word for programs, and `errors` lists the places of a body that are wrong.
///
/// ```
/// use axum::http::StatusCode;
/// use invoice_api::http::Problem;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "number-taken", "the number \"A-1\" is taken");
/// assert_eq!(problem.status(), StatusCode::CONFLICT);
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
}

/// One place of a body that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    // A JSON pointer (RFC 6901) as a URI fragment, as in the example of RFC 9457.
    #[serde(serialize_with = "as_fragment")]
    pointer: String,
    detail: String,
}

fn as_fragment<S: serde::Serializer>(pointer: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("#{pointer}"))
}

impl FieldError {
    /// What is wrong at a JSON pointer such as `/lines/0/quantity`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }

    /// The JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

impl Problem {
    /// A problem of this status; `code` is a word for programs, `detail` a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404: nothing is there, or nothing that this tenant may see.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 422: a body of the right shape whose values are refused.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = format!("the body is refused in {} places", errors.len());
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
        }
    }

    /// 503: worth another try in a second.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    /// 500: logged here with its causes; the client is told nothing of them.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let causes: Vec<String> = std::iter::successors(error.source(), |error| error.source())
            .map(ToString::to_string)
            .collect();
        tracing::error!(%error, ?causes, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the request failed; the log says why",
        )
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<&DatabaseError> for Problem {
    fn from(error: &DatabaseError) -> Self {
        if error.is_busy() {
            tracing::warn!(%error, "database busy");
            return Self::unavailable("the database is busy");
        }
        Self::internal(error)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::from(&error)
    }
}

impl From<CacheError> for Problem {
    fn from(error: CacheError) -> Self {
        if let Some(error) = error.factory_error::<DatabaseError>() {
            return Self::from(error);
        }
        match error {
            CacheError::FactoryTimeout { .. } | CacheError::FactoryAborted { .. } => {
                tracing::warn!(%error, "read given up");
                Self::unavailable("the database is slow")
            }
            CacheError::Stopped => Self::unavailable("the server is stopping"),
            other => Self::internal(&other),
        }
    }
}

/// The document's members, in the order of RFC 9457.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
