//! `derive(DomainEvent)`: the name of an event and whose it is.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, LitStr, Member, Path};

use crate::names::EventsCrate;
use crate::once;

/// The longest name of an event, in bytes.
const MAX_NAME: usize = 128;

const NAME_IT: &str = "give the event a name: `#[event(name = \"invoice.paid\")]`";

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    refuse_what_cannot_be_an_event(input)?;
    let Arguments { name, scope, krate } = Arguments::read(input)?;
    let name = name.ok_or_else(|| syn::Error::new_spanned(&input.ident, NAME_IT))?;
    check_name(&name)?;
    let krate = EventsCrate::or_default(krate);
    let scope = scope
        .map(|scope| scope_of(input, &scope, &krate))
        .transpose()?;
    let ident = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #krate::DomainEvent for #ident {
            const NAME: &'static str = #name;
            #scope
        }
    })
}

/// What stands in `#[event(…)]`.
struct Arguments {
    name: Option<LitStr>,
    scope: Option<Member>,
    krate: Option<Path>,
}

impl Arguments {
    fn read(input: &DeriveInput) -> syn::Result<Self> {
        let (mut name, mut scope, mut krate) = (None, None, None);
        for attribute in input.attrs.iter().filter(|a| a.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    let value = meta.value()?.parse()?;
                    once::set(&mut name, &meta, value)
                } else if meta.path.is_ident("scope") {
                    let value = meta.value()?.parse()?;
                    once::set(&mut scope, &meta, value)
                } else if meta.path.is_ident("crate") {
                    let value = meta.value()?.call(Path::parse_mod_style)?;
                    once::set(&mut krate, &meta, value)
                } else {
                    Err(meta.error(
                        "an event has `name = \"…\"`, and may have `scope = FIELD`, `scope = shared` \
                         and `crate = PATH`",
                    ))
                }
            })?;
        }
        Ok(Self { name, scope, krate })
    }
}

fn refuse_what_cannot_be_an_event(input: &DeriveInput) -> syn::Result<()> {
    if let Data::Union(data) = &input.data {
        let message = "an event is a struct or an enum, not a union";
        return Err(syn::Error::new(data.union_token.span, message));
    }
    if !input.generics.params.is_empty() {
        let message = "an event has no generic parameters: its name stands for one type";
        return Err(syn::Error::new_spanned(&input.generics, message));
    }
    Ok(())
}

fn check_name(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if text.len() <= MAX_NAME && text.split('.').all(is_word) {
        Ok(())
    } else {
        let message = "the name of an event is lower_snake words joined by dots, such as \
                       `invoice.paid`, and at most 128 bytes long";
        Err(syn::Error::new_spanned(name, message))
    }
}

/// The method that says whose event it is.
fn scope_of(input: &DeriveInput, scope: &Member, krate: &EventsCrate) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return on_enum(scope, krate);
    };
    let field = data
        .fields
        .members()
        .zip(&data.fields)
        .find(|(member, _)| member == scope);
    let text = match field {
        Some((_, field)) => {
            // At the type of the field, where the error belongs if it names no scope.
            let whose = &field.ty;
            let text = quote_spanned!(whose.span()=> <#whose as #krate::ScopeText>::scope_text);
            quote!(#krate::EventScope::Text(#text(&self.#scope)))
        }
        None if is_shared(scope) => quote!(#krate::EventScope::Shared),
        None => return Err(no_such_field(scope, &data.fields)),
    };
    Ok(method(krate, &text))
}

fn on_enum(scope: &Member, krate: &EventsCrate) -> syn::Result<TokenStream> {
    if is_shared(scope) {
        return Ok(method(krate, &quote!(#krate::EventScope::Shared)));
    }
    let message = "an enum has no field that every variant shares; write \
                   `impl DomainEvent` by hand, or make the event a struct with an enum in it";
    Err(syn::Error::new_spanned(scope, message))
}

fn method(krate: &EventsCrate, scope: &TokenStream) -> TokenStream {
    quote! {
        fn scope(&self) -> #krate::EventScope<'_> {
            #scope
        }
    }
}

fn is_shared(scope: &Member) -> bool {
    matches!(scope, Member::Named(name) if name == "shared")
}

fn no_such_field(scope: &Member, fields: &Fields) -> syn::Error {
    let names: Vec<_> = fields
        .members()
        .map(|member| match member {
            Member::Named(name) => format!("`{name}`"),
            Member::Unnamed(index) => format!("`{}`", index.index),
        })
        .collect();
    let known = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    let message = format!(
        "the event has no such field, {known}; `scope` names the field whose tenant the event \
         belongs to, or is `shared`"
    );
    syn::Error::new_spanned(scope, message)
}
