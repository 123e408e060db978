//! The paths under which generated code finds this workspace's crates.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// The path of caching-events, which `crate = …` replaces where the crate was renamed or re-exported.
pub(crate) struct EventsCrate(Option<syn::Path>);

impl EventsCrate {
    /// The path that was given, or `::caching_events`.
    pub(crate) fn or_default(path: Option<syn::Path>) -> Self {
        Self(path)
    }
}

impl ToTokens for EventsCrate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote!(::caching_events)),
        }
    }
}
