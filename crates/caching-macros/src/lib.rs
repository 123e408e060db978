//! The derives and attributes of caching-core and caching-events.
//!
//! They are used through those crates, which re-export them and hold what they expand to. Each works
//! where its crate is renamed or re-exported when told so by `crate = PATH`.

mod cache_key;
mod cached;
mod domain_event;
mod event_handler;
mod handler_function;
mod invalidates;
mod names;
mod once;
mod registration;
mod template;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `CacheKey` for a struct; see the trait in caching-core for all it knows.
///
/// ```text
/// #[derive(CacheKey)]
/// #[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
/// struct InvoiceKey {
///     id: InvoiceId,
/// }
/// ```
#[proc_macro_derive(CacheKey, attributes(cache_key))]
pub fn derive_cache_key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(cache_key::derive(&input))
}

/// Keeps the answers of an async function in a cache.
///
/// ```text
/// impl Invoices {
///     #[cached(kind = "invoice", key = "{id}")]
///     pub async fn invoice(&self, id: u64) -> Result<Invoice, sqlx::Error> {
///         self.database.invoice(id).await
///     }
/// }
/// ```
///
/// Three functions come of it, and nothing else but calls of the public verbs:
///
/// ```text
/// pub async fn invoice(&self, id: u64) -> Result<Arc<Invoice>, CacheError> {
///     let this = self.clone();
///     self.cache
///         .get_or_set(&Self::invoice_key(id), move |_| async move { this.invoice_uncached(id).await })
///         .await
/// }
///
/// pub fn invoice_key(id: u64) -> impl CacheKey<Value = Invoice> { … } // a derived `CacheKey`
///
/// pub async fn invoice_uncached(&self, id: u64) -> Result<Invoice, sqlx::Error> { … } // the body
/// ```
///
/// A function of `Result<Option<V>, E>` becomes `get_or_set_optional`: it gives `Option<Arc<V>>`, and
/// "there is none" is kept for the negative duration. The factory may outlive its caller, hence the clones:
/// `self` is `&self` of a type that is cheap to clone, or `self: &Arc<Self>`; arguments are cloned too.
/// An argument of the type `FactoryContext` is given by the cache; callers do not see it.
///
/// | argument | means | default |
/// | --- | --- | --- |
/// | `key = "{customer}/{page}"` | a template of the arguments, which all appear in it; escaped as in `derive(CacheKey)` | this or the next |
/// | `key = EXPRESSION` | a key of a type of your own, made of the arguments; there is then no `…_key` function | |
/// | `kind = "invoice"` | picks `[cache.profiles.invoice]` | required with a template |
/// | `cache = EXPRESSION` | where the cache is; it may name `self` and the arguments | `self.cache` |
/// | `skip(ARGUMENT, …)` | arguments that make no difference to the value, and are not in the key | those that `cache` names |
/// | `tags`, `version`, `scope = shared`, `local` | as in `#[cache_key]`, with a template | |
/// | `crate = PATH` | where caching-core is | `::caching_core` |
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    with_item(item, |item| cached::expand(arguments.into(), item))
}

/// Implements `DomainEvent` for a struct or an enum.
///
/// ```text
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid", scope = tenant)]
/// struct InvoicePaid {
///     tenant: TenantId,
///     id: InvoiceId,
/// }
/// ```
///
/// | argument | means | default |
/// | --- | --- | --- |
/// | `name = "invoice.paid"` | the name in logs and counters: lower_snake words joined by dots | required |
/// | `scope = FIELD` | whose event it is: the tenant in that field, a type that is `ScopeText` | the publisher's scope |
/// | `scope = shared` | it belongs to everybody | |
/// | `crate = PATH` | where caching-events is | `::caching_events` |
#[proc_macro_derive(DomainEvent, attributes(event))]
pub fn derive_domain_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(domain_event::expand(&input))
}

/// Makes an async function a handler of an event.
///
/// ```text
/// #[event_handler(module = InvoicesModule)]
/// async fn notify(event: &InvoicePaid, mailer: Mailer) -> Result<(), BoxError> {
///     mailer.send(event.id).await?;
///     Ok(())
/// }
/// ```
///
/// The function stays as it is and can be called as any other. Parameters after the event are services,
/// found by their type. `notify::HANDLER` is the handler as a value.
///
/// | argument | means | default |
/// | --- | --- | --- |
/// | `module = TYPE` | registered, and active in applications in which this module is enabled | this or `manual` |
/// | `manual` | not registered; given to a builder by hand | |
/// | `order = NUMBER` | handlers of one event begin in this order, equal ones by their path | `0` |
/// | `crate = PATH` | where caching-events is | `::caching_events` |
#[proc_macro_attribute]
pub fn event_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    with_item(item, |item| event_handler::expand(arguments.into(), item))
}

/// Names what an event makes the cache forget.
///
/// ```text
/// #[invalidates(
///     module = InvoicesModule,
///     key = InvoiceKey { id: event.id },
///     tags = event.customer.iter().map(|customer| Tag::of("customer", customer)),
/// )]
/// fn invoice_paid(event: &InvoicePaid) {}
/// ```
///
/// The expressions are Rust with the event in scope, so that the compiler checks them. The body stays
/// empty. All that one attribute names is invalidated by one call of the cache, in the event's scope.
///
/// | argument | means | default |
/// | --- | --- | --- |
/// | `key = EXPRESSION` | a key; may be given several times | at least one of these four |
/// | `keys = EXPRESSION` | keys of one type, as anything that can be iterated: an array, an `Option`, an iterator | |
/// | `tag = EXPRESSION` | a tag; may be given several times | |
/// | `tags = EXPRESSION` | tags, as anything that can be iterated | |
/// | `expire` | values are stale from now on and kept as a fallback, instead of gone | gone |
/// | `module = TYPE`, `manual`, `order`, `crate` | as in `#[event_handler]` | |
#[proc_macro_attribute]
pub fn invalidates(arguments: TokenStream, item: TokenStream) -> TokenStream {
    with_item(item, |item| invalidates::expand(arguments.into(), item))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Leaves the item in place where the attribute on it is wrong, so that the one error is the only one.
fn with_item(
    item: TokenStream,
    expand: impl FnOnce(proc_macro2::TokenStream) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let as_written = item.clone();
    expand(item.into()).map_or_else(
        |error| {
            let mut tokens = TokenStream::from(error.into_compile_error());
            tokens.extend(TokenStream::from(quote::quote!(#[allow(unused)])));
            tokens.extend(as_written);
            tokens
        },
        TokenStream::from,
    )
}
