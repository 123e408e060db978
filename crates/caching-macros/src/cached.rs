//! `#[cached]`: an async function whose answers are kept.

mod arguments;
mod function;
mod key;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, FnArg, Ident, Pat, Path, Result};

use self::arguments::{Arguments, Key};
use self::function::{Cached, Passing};

/// Writes three functions for one: the cached one, its key, and what stood there.
///
/// The body stays a function of its own, so that `self` means in it what it means everywhere.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::read(arguments)?;
    let cached = Cached::read(item)?;
    let krate = arguments
        .krate
        .clone()
        .unwrap_or_else(|| syn::parse_quote!(::caching_core));
    let expansion = Expansion {
        cache: cache(&arguments, &cached)?,
        arguments: &arguments,
        cached: &cached,
        krate,
    };
    let key = match &arguments.key {
        Key::Expression(key) => expansion.of_expression(key)?,
        Key::Template(template, of) => expansion.of_template(template, of)?,
    };
    let reads = expansion.cached(&key.value);
    let uncached = expansion.uncached();
    let function = key.function;
    Ok(quote!(#reads #function #uncached))
}

/// Where the cache is, unless it is said: in the field of that name.
fn cache(arguments: &Arguments, cached: &Cached) -> Result<Expr> {
    match (&arguments.cache, &cached.receiver) {
        (Some(cache), _) => Ok(cache.clone()),
        (None, Some(_)) => Ok(syn::parse_quote!(self.cache)),
        (None, None) => Err(Error::new(
            cached.name().span(),
            "say where the cache is, since there is no `self.cache`: `cache = …`, an expression that \
             may name the arguments",
        )),
    }
}

struct Expansion<'a> {
    arguments: &'a Arguments,
    cached: &'a Cached,
    cache: Expr,
    krate: Path,
}

impl Expansion<'_> {
    /// The function that callers see.
    fn cached(&self, key_value: &TokenStream) -> TokenStream {
        let Self { cached, krate, .. } = self;
        let (name, vis) = (cached.name(), &cached.item.vis);
        let attributes = cached.attributes();
        let shown = cached.shown();
        let (value, uncached) = (&cached.value, self.uncached_path());
        let (answer, verb) = match cached.is_optional {
            false => (quote!(::std::sync::Arc<#value>), quote!(get_or_set)),
            true => (
                quote!(::core::option::Option<::std::sync::Arc<#value>>),
                quote!(get_or_set_optional),
            ),
        };
        let docs = self.docs();

        // No expression of the user can name these.
        let [cache, key, this, cx] =
            ["cache", "key", "this", "cx"].map(|name| Ident::new(name, Span::mixed_site()));
        let cache_value = &self.cache;
        let cache_value = quote_spanned!(cache_value.span()=> &(#cache_value));
        let (take_self, give_self) = match &cached.receiver {
            None => (TokenStream::new(), TokenStream::new()),
            Some(receiver) => {
                // At the receiver, where the error belongs if it cannot be cloned.
                let clone = |of| quote_spanned!(receiver.span=> ::core::clone::Clone::clone(#of););
                let (taken, given) = match receiver.is_reference {
                    true => (clone(quote!(self)), quote!(&#this,)),
                    false => (clone(quote!(&self)), quote!(#this,)),
                };
                (quote!(let #this = #taken), given)
            }
        };
        let mut takes = TokenStream::new();
        let mut gives = TokenStream::new();
        for argument in &cached.arguments {
            let owned = Ident::new(&format!("own_{}", argument.name), Span::mixed_site());
            let name = &argument.name;
            let (take, give) = match argument.passing {
                Passing::Context => (TokenStream::new(), quote!(#cx,)),
                Passing::Reference => (
                    quote_spanned!(name.span()=> let #owned = ::std::borrow::ToOwned::to_owned(#name);),
                    quote!(&#owned,),
                ),
                Passing::Value => (
                    quote_spanned!(name.span()=> let #owned = ::core::clone::Clone::clone(&#name);),
                    quote!(#owned,),
                ),
            };
            takes.extend(take);
            gives.extend(give);
        }
        quote! {
            #(#attributes)*
            #docs
            #vis async fn #name(#(#shown),*) -> ::core::result::Result<#answer, #krate::CacheError> {
                #take_self
                #takes
                let #cache = #cache_value;
                let #key = #key_value;
                #cache
                    .#verb(&#key, move |#cx: #krate::FactoryContext| async move {
                        #uncached(#give_self #gives).await
                    })
                    .await
            }
        }
    }

    /// What stood there, under another name.
    fn uncached(&self) -> TokenStream {
        let conditions = self.cached.attributes_of_body();
        let vis = &self.cached.item.vis;
        let mut signature = self.cached.item.sig.clone();
        signature.ident = self.uncached_name();
        for input in &mut signature.inputs {
            if let FnArg::Typed(argument) = input
                && let Pat::Ident(pattern) = &*argument.pat
                && self.finds_cache(&pattern.ident)
            {
                // The source has no use for it.
                argument
                    .attrs
                    .push(syn::parse_quote!(#[allow(unused_variables)]));
            }
        }
        let body = &self.cached.item.block;
        let doc = format!(
            "What [`{name}`](Self::{name}) keeps, from its source.",
            name = self.cached.name()
        );
        let doc = self.linked(&doc);
        quote! {
            #(#conditions)*
            #[doc = #doc]
            #vis #signature #body
        }
    }

    /// Whether an argument says which cache is asked: values of two caches do not meet.
    fn finds_cache(&self, name: &Ident) -> bool {
        arguments::mentions(&self.cache, name)
    }

    fn docs(&self) -> TokenStream {
        let fails =
            "Cached: it gives `Arc`s of the values that are kept, and fails with a `CacheError`";
        let name = self.cached.name();
        let where_from = match &self.arguments.key {
            Key::Template(text, of) => format!(
                "{fails}. The kind of its key is `{}`, and the text `{}`: \
                 [`{name}_key`](Self::{name}_key).",
                of.kind.value(),
                text.value(),
            ),
            Key::Expression(_) => format!("{fails}."),
        };
        let where_from = self.linked(&where_from);
        quote!(#[doc = ""] #[doc = #where_from])
    }

    /// The docs of a free function have no `Self`.
    fn linked(&self, doc: &str) -> String {
        match self.cached.receiver {
            Some(_) => doc.to_owned(),
            None => doc.replace("(Self::", "("),
        }
    }

    fn key_name(&self) -> Ident {
        format_ident!("{}_key", self.cached.name())
    }

    fn uncached_name(&self) -> Ident {
        format_ident!("{}_uncached", self.cached.name())
    }

    fn uncached_path(&self) -> TokenStream {
        self.path(&self.uncached_name())
    }

    fn path(&self, function: &Ident) -> TokenStream {
        match self.cached.receiver {
            Some(_) => quote!(Self::#function),
            None => quote!(#function),
        }
    }
}
