//! A refusal as a problem document.

use std::fmt::Write;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::TenantRejection;

/// The response of a layer that was told of no other: a problem document (RFC 9457).
///
/// ```json
/// {"type":"about:blank","title":"Forbidden","status":403,"detail":"there is no tenant `acme`"}
/// ```
pub(crate) fn response(rejection: &TenantRejection) -> Response<String> {
    let status = rejection.status();
    let title = status.canonical_reason().unwrap_or_default();
    let mut body = String::from(r#"{"type":"about:blank","title":"#);
    push_string(&mut body, title);
    body.push_str(r#","status":"#);
    body.push_str(status.as_str());
    body.push_str(r#","detail":"#);
    push_string(&mut body, &rejection.to_string());
    body.push('}');

    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A JSON string (RFC 8259, section 7). By hand, since four members are no reason for a dependency.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TenantId;

    #[test]
    fn a_refusal_is_a_problem_document_that_json_readers_read() {
        let tenant = TenantId::parse("acme").unwrap();
        let response = response(&TenantRejection::Unknown { tenant });
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "there is no tenant `acme`",
        });
        assert_eq!(body, expected);
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_its_json(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
