//! `#[invalidates]`: what an event makes the cache forget.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Ident, ItemFn, ReturnType};

use crate::handler_function::{self, EventParameter, conditions};
use crate::once;
use crate::registration::Registration;

const SHAPE: &str = "fn invoice_paid(event: &InvoicePaid) {}";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Arguments {
        registration,
        targets,
        expire,
    } = Arguments::read(arguments)?;
    let function = handler_function::parse(item, SHAPE)?;
    refuse_what_does_more(&function)?;
    let event = EventParameter::of(&function.sig)?;
    registration.check()?;
    if targets.is_empty() {
        let message = "say what the event invalidates: `key = InvoiceKey { id: event.id }` or \
                       `tag = …` for one, `keys = …` or `tags = …` for any number";
        return Err(syn::Error::new(Span::call_site(), message));
    }

    let krate = registration.events_crate();
    let name = &function.sig.ident;
    let conditions = conditions(&function.attrs);
    let docs: Vec<&Attribute> = docs(&function);
    let carrier = handler_function::carrier(&function, &docs);
    let handler = registration.expand(&function, &quote!(invalidating));
    let (event_name, event) = (event.name, event.event);
    // No expression of the user can name it.
    let found = format_ident!("found", span = Span::mixed_site());
    let adds = targets.iter().map(|Target { method, what }| {
        // At the expression, where the error belongs if it is no key or no tag.
        quote_spanned!(what.span()=> #found.#method(#what);)
    });
    let expire = expire.map(|_| quote!(#found.expire_instead_of_remove();));
    Ok(quote! {
        #carrier

        #(#conditions)*
        impl #krate::EventInvalidation for #name {
            type Event = #event;

            #[allow(unused_variables)]
            fn invalidations(#event_name: &#event, #found: &mut #krate::Invalidations) {
                #expire
                #(#adds)*
            }
        }

        #handler
    })
}

/// What stands in `#[invalidates(…)]`.
struct Arguments {
    registration: Registration,
    targets: Vec<Target>,
    expire: Option<Ident>,
}

/// One argument that names something to forget.
struct Target {
    /// `key`, `keys`, `tag` or `tags`, which are methods of `Invalidations` too.
    method: Ident,
    what: Expr,
}

impl Arguments {
    fn read(arguments: TokenStream) -> syn::Result<Self> {
        let mut registration = Registration::default();
        let (mut targets, mut expire) = (Vec::new(), None);
        syn::meta::parser(|meta| {
            if registration.take(&meta)? {
                return Ok(());
            }
            let word = meta.path.require_ident()?;
            if ["key", "keys", "tag", "tags"].iter().any(|known| word == known) {
                targets.push(Target {
                    // The place of the word, resolved as the expansion's own.
                    method: word.clone(),
                    what: meta.value()?.parse()?,
                });
                Ok(())
            } else if word == "expire" {
                once::set(&mut expire, &meta, word.clone())
            } else {
                Err(meta.error(
                    "`invalidates` has `module = TYPE` or `manual`; any number of `key = …`, \
                     `keys = …`, `tag = …`, `tags = …`; and may have `expire`, `order = NUMBER` and \
                     `crate = PATH`",
                ))
            }
        })
        .parse2(arguments)?;
        Ok(Self {
            registration,
            targets,
            expire,
        })
    }
}

fn refuse_what_does_more(function: &ItemFn) -> syn::Result<()> {
    if let Some(token) = function.sig.asyncness {
        let message = format!("an invalidation does not wait for anything: `{SHAPE}`");
        return Err(syn::Error::new(token.span, message));
    }
    if let Some(second) = function.sig.inputs.iter().nth(1) {
        let message = "an invalidation is made from its event alone; take services in an \
                       `#[event_handler]`";
        return Err(syn::Error::new_spanned(second, message));
    }
    if let ReturnType::Type(_, returned) = &function.sig.output {
        let message =
            "an invalidation returns nothing; what it invalidates stands in the attribute";
        return Err(syn::Error::new_spanned(returned, message));
    }
    if let Some(first) = function.block.stmts.first() {
        let message = "the body stays empty: what is invalidated stands in the attribute";
        return Err(syn::Error::new_spanned(first, message));
    }
    Ok(())
}

fn docs(function: &ItemFn) -> Vec<&Attribute> {
    function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .collect()
}
