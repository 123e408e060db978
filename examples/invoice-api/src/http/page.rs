//! Which part of a list is wanted.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponseParts, ResponseParts},
};
use serde::Deserialize;

/// The most entries of a page.
pub(super) const MAX_PER_PAGE: u32 = 100;

/// The last page that may be asked for.
pub(super) const MAX_PAGE: u32 = 1_000_000;

/// Which part of a list is wanted: `?page=2&per_page=50`. The first page is 1; a page has 20 entries
/// unless asked otherwise, and at most 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Page {
    /// 1 is the first.
    pub page: u32,
    /// Entries of a page.
    pub per_page: u32,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default = "first")]
    page: u32,
    #[serde(default = "twenty")]
    per_page: u32,
}

fn first() -> u32 {
    1
}

fn twenty() -> u32 {
    20
}

impl TryFrom<Raw> for Page {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        if !(1..=MAX_PAGE).contains(&raw.page) {
            return Err(format!("page must be between 1 and {MAX_PAGE}"));
        }
        if !(1..=MAX_PER_PAGE).contains(&raw.per_page) {
            return Err(format!("per_page must be between 1 and {MAX_PER_PAGE}"));
        }
        Ok(Self {
            page: raw.page,
            per_page: raw.per_page,
        })
    }
}

impl Page {
    /// How many entries stand before this page.
    pub fn offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.per_page)
    }

    /// How many entries this page has at most.
    pub fn limit(self) -> i64 {
        i64::from(self.per_page)
    }

    /// The header `Link` (RFC 8288) to the pages before and after this one, which has `count` entries.
    pub fn links(self, path: &str, count: usize) -> Links {
        let link = |page: u32, relation: &str| {
            format!(
                "<{path}?page={page}&per_page={}>; rel=\"{relation}\"",
                self.per_page
            )
        };
        let before = (self.page > 1).then(|| link(self.page - 1, "prev"));
        let is_full = count >= self.per_page as usize;
        let after = (is_full && self.page < MAX_PAGE).then(|| link(self.page + 1, "next"));
        Links(before.into_iter().chain(after).collect())
    }
}

/// The header `Link` (RFC 8288).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links(Vec<String>);

impl IntoResponseParts for Links {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        // A path that came in a request fits in a header; one that does not goes without links.
        if !self.0.is_empty()
            && let Ok(value) = HeaderValue::try_from(self.0.join(", "))
        {
            parts.headers_mut().insert(header::LINK, value);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::{Links, Page};

    fn page(page: u32) -> Page {
        Page { page, per_page: 2 }
    }

    #[test]
    fn a_page_leads_to_its_neighbours() {
        assert_eq!(page(1).links("/a", 1), Links(vec![]));
        let next = "</a?page=2&per_page=2>; rel=\"next\"".to_owned();
        assert_eq!(page(1).links("/a", 2), Links(vec![next]));
        let before = "</a?page=1&per_page=2>; rel=\"prev\"".to_owned();
        assert_eq!(page(2).links("/a", 1), Links(vec![before]));
    }

    #[test]
    fn pages_are_bounded() {
        let read = |text: &str| serde_json::from_str::<Page>(text);
        assert_eq!(
            read("{}").ok(),
            Some(Page {
                page: 1,
                per_page: 20
            })
        );
        for text in [
            r#"{"page":0}"#,
            r#"{"page":1000001}"#,
            r#"{"per_page":0}"#,
            r#"{"per_page":101}"#,
            r#"{"page":-1}"#,
            r#"{"page":4294967296}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
