//! The function under an attribute: the shape that all handlers share.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Ident, ItemFn, Pat, Signature, Type};

/// Reads what an attribute stands on; `wanted` says what it should be.
pub(crate) fn parse(item: TokenStream, wanted: &str) -> syn::Result<ItemFn> {
    let item: syn::Item = syn::parse2(item)?;
    match item {
        syn::Item::Fn(function) => {
            refuse_second_attribute(&function)?;
            refuse_odd_functions(&function.sig)?;
            Ok(function)
        }
        other => {
            let message = format!("this attribute stands on a function: `{wanted}`");
            Err(syn::Error::new(first_span(&other), message))
        }
    }
}

/// The first parameter: the event.
pub(crate) struct EventParameter<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) event: &'a Type,
}

impl<'a> EventParameter<'a> {
    pub(crate) fn of(signature: &'a Signature) -> syn::Result<Self> {
        const REFERENCE: &str =
            "the first parameter is the event, by reference: `event: &InvoicePaid`";
        let Some(first) = signature.inputs.first() else {
            return Err(syn::Error::new(
                signature.paren_token.span.join(),
                REFERENCE,
            ));
        };
        let FnArg::Typed(first) = first else {
            let message = "a handler is a free function, without `self`; what it needs is injected: \
                           add a parameter of the service's type after the event";
            return Err(syn::Error::new_spanned(first, message));
        };
        let Pat::Ident(name) = &*first.pat else {
            return Err(syn::Error::new_spanned(
                &first.pat,
                "give the event a plain name: `event`",
            ));
        };
        match &*first.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                let message =
                    "an event has happened and cannot be changed; take `&` instead of `&mut`";
                Err(syn::Error::new_spanned(reference, message))
            }
            Type::Reference(reference) => match &*reference.elem {
                Type::ImplTrait(_) | Type::TraitObject(_) => {
                    let message = "a handler is of one event; name its type";
                    Err(syn::Error::new_spanned(reference, message))
                }
                event => Ok(Self {
                    name: &name.ident,
                    event,
                }),
            },
            other => Err(syn::Error::new_spanned(other, REFERENCE)),
        }
    }
}

/// The attributes that decide whether the function is there, and so whether its handler is.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}

/// A type named like the function, which carries the handler: the two share no namespace.
pub(crate) fn carrier(function: &ItemFn, docs: &[&Attribute]) -> TokenStream {
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let conditions = conditions(&function.attrs);
    quote! {
        #(#conditions)*
        #(#docs)*
        #[allow(non_camel_case_types, dead_code)]
        #visibility enum #name {}
    }
}

fn refuse_second_attribute(function: &ItemFn) -> syn::Result<()> {
    let second = function.attrs.iter().find(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "invalidates" || last.ident == "event_handler")
    });
    match second {
        Some(second) => {
            let message = "one function is one handler; write another function for this one";
            Err(syn::Error::new_spanned(second, message))
        }
        None => Ok(()),
    }
}

fn refuse_odd_functions(signature: &Signature) -> syn::Result<()> {
    if !signature.generics.params.is_empty() {
        let message = "a handler has no generic parameters: it is registered once, for one event";
        return Err(syn::Error::new_spanned(&signature.generics, message));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(syn::Error::new_spanned(
            clause,
            "a handler has no `where` clause",
        ));
    }
    let odd = [
        signature.constness.map(|token| token.span()),
        signature.unsafety.map(|token| token.span()),
        signature.abi.as_ref().map(Spanned::span),
        signature.variadic.as_ref().map(Spanned::span),
    ];
    match odd.into_iter().flatten().next() {
        Some(span) => Err(syn::Error::new(span, "a handler is a plain safe function")),
        None => Ok(()),
    }
}

/// The keyword of an item rather than all of it, which may be many lines.
fn first_span(item: &syn::Item) -> proc_macro2::Span {
    item.to_token_stream()
        .into_iter()
        .find(|token| {
            !matches!(token, proc_macro2::TokenTree::Punct(p) if p.as_char() == '#')
                && !matches!(token, proc_macro2::TokenTree::Group(_))
        })
        .map_or_else(proc_macro2::Span::call_site, |token| token.span())
}
