//! The lines that a pod and its test exchange.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest line either of them reads; what is longer comes in pieces, and is then no message any more.
pub(super) const LONGEST_LINE: u64 = 16 << 20;

/// To the pod: `{"request":1,"body":…}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(rename = "request")]
    pub(super) number: u64,
    pub(super) body: Value,
}

/// From the pod: `{"answer":1,"ok":…}` or `{"answer":1,"error":"…"}`. Every other line is somebody's print.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "answer")]
    pub(super) number: u64,
    #[serde(flatten)]
    pub(super) result: Outcome,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok(Value),
    Error(String),
}

impl Answer {
    /// None for a line that is no answer.
    pub(super) fn parse(line: &str) -> Option<Self> {
        // Most lines of a log are told apart without being parsed.
        line.starts_with("{\"answer\":")
            .then(|| serde_json::from_str(line).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Answer, Outcome};

    fn outcome(line: &str) -> Option<(u64, Outcome)> {
        let Answer { number, result } = Answer::parse(line)?;
        Some((number, result))
    }

    #[test]
    fn answers_are_told_from_other_lines() {
        assert_eq!(
            outcome(r#"{"answer":7,"ok":{"a":null}}"#),
            Some((7, Outcome::Ok(json!({ "a": null }))))
        );
        assert_eq!(
            outcome(r#"{"answer":7,"error":"no"}"#),
            Some((7, Outcome::Error("no".into())))
        );
        for line in [
            "",
            "listening on 127.0.0.1:1",
            r#"{"level":"info","answer":7}"#,
            r#"{"answer":7}"#,
            r#"{"answer":"x","ok":1}"#,
            r#"{"answer":7,"ok":1"#,
        ] {
            assert_eq!(outcome(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for result in [Outcome::Ok(json!(null)), Outcome::Error("é\n".into())] {
            let line = serde_json::to_string(&Answer { number: 1, result }).unwrap();
            assert!(!line.contains('\n'));
            assert!(outcome(&line).is_some(), "{line}");
        }
    }
}
