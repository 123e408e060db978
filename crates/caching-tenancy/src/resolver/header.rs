//! The tenant in a header of its own.

use http::HeaderName;
use http::header::InvalidHeaderName;
use http::request::Parts;

use crate::resolver::{TenantResolver, Unresolved};
use crate::{TenantId, TenantIdError};

/// Finds the tenant in a header, such as `X-Tenant-Id: acme`.
///
/// The header is what the caller says, no more. Alone it is right behind a gateway that sets it, or
/// where callers are trusted; otherwise a [`ClaimResolver`](crate::ClaimResolver) goes with it.
///
/// | the header is | answer |
/// | --- | --- |
/// | absent | names no tenant |
/// | there once, an id | that tenant |
/// | there once, anything else: empty, a list, not ASCII | refused |
/// | there twice, even with one value | refused |
#[derive(Clone, Debug)]
pub struct HeaderResolver {
    header: HeaderName,
    place: String,
}

impl HeaderResolver {
    /// Looks at the header with this name; names of headers have no case.
    ///
    /// # Errors
    ///
    /// When this can be no header's name.
    pub fn new(header: &str) -> Result<Self, InvalidHeaderName> {
        let header = HeaderName::try_from(header)?;
        let place = format!("header `{header}`");
        Ok(Self { header, place })
    }
}

impl TenantResolver for HeaderResolver {
    fn place(&self) -> &str {
        &self.place
    }

    fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved> {
        let mut values = request.headers.get_all(&self.header).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        match values.count() {
            0 => {}
            others => return Err(Unresolved::Repeated { count: 1 + others }),
        }
        // The length before the bytes, so that the message is about what is wrong first.
        if value.len() > TenantId::MAX_LENGTH {
            let length = value.len();
            return Err(TenantIdError::TooLong { length }.into());
        }
        let text = value.to_str().map_err(|_| Unresolved::Unreadable {
            reason: "holds bytes that are not visible ASCII characters",
        })?;
        Ok(Some(TenantId::parse(text)?))
    }

    fn varies_on(&self) -> Option<&HeaderName> {
        Some(&self.header)
    }
}
