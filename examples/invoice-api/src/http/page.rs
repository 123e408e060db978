//! Which part of a list is wanted.

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

    /// The page after this one, unless it is the last that may be asked for.
    pub fn next(self) -> Option<Self> {
        (self.page < MAX_PAGE).then_some(Self {
            page: self.page + 1,
            ..self
        })
    }
}

