//! `#[event_handler]`: an async function that reacts to an event.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, Signature, Type};

use crate::handler_function::{self, EventParameter, conditions};
use crate::registration::Registration;

const SHAPE: &str = "async fn notify(event: &InvoicePaid) -> Result<(), BoxError>";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let registration = read(arguments)?;
    let function = handler_function::parse(item, SHAPE)?;
    refuse_what_cannot_fail_or_wait(&function.sig)?;
    let event = EventParameter::of(&function.sig)?;
    let services = services(&function.sig)?;
    registration.check()?;

    let krate = registration.events_crate();
    let name = &function.sig.ident;
    let event = event.event;
    let conditions = conditions(&function.attrs);
    let doc = format!(" The handler that the function [`{name}`](fn@{name}) is.");
    let doc: syn::Attribute = syn::parse_quote!(#[doc = #doc]);
    let carrier = handler_function::carrier(&function, &[&doc]);
    let handler = registration.expand(&function, &quote!(handling));

    // Locals of the expansion, which no name of the user can meet.
    let site = Span::mixed_site();
    let given_event = format_ident!("event", span = site);
    let given_services = format_ident!("services", span = site);
    let injected: Vec<_> = (0..services.len())
        .map(|at| format_ident!("service_{at}", span = site))
        .collect();
    let parameters = services
        .iter()
        .map(|service| quote_spanned!(service.span()=> #krate::Parameter::of::<#service>()));
    let gets = services.iter().map(|service| {
        quote_spanned!(service.span()=> #krate::HandlerServices::get::<#service>(&#given_services)?)
    });
    let returned = match &function.sig.output {
        ReturnType::Type(_, returned) => returned.span(),
        ReturnType::Default => site,
    };
    let outcome = quote_spanned!(returned=> #krate::__private::outcome);
    Ok(quote! {
        #function

        #carrier

        #(#conditions)*
        impl #krate::EventHandler for #name {
            type Event = #event;
            const PARAMETERS: &'static [#krate::Parameter] = &[#(#parameters),*];

            fn handle(
                #given_event: ::std::sync::Arc<#event>,
                #given_services: #krate::HandlerServices,
            ) -> #krate::__private::BoxFuture<
                'static,
                ::core::result::Result<(), #krate::HandlerError>,
            > {
                ::std::boxed::Box::pin(async move {
                    #(let #injected = #gets;)*
                    #outcome(#name(&#given_event, #(#injected),*).await)
                })
            }
        }

        #handler
    })
}

fn read(arguments: TokenStream) -> syn::Result<Registration> {
    let mut registration = Registration::default();
    syn::meta::parser(|meta| {
        if registration.take(&meta)? {
            Ok(())
        } else {
            Err(meta.error(
                "an event handler has `module = TYPE` or `manual`, and may have `order = NUMBER` and \
                 `crate = PATH`",
            ))
        }
    })
    .parse2(arguments)?;
    Ok(registration)
}

fn refuse_what_cannot_fail_or_wait(signature: &Signature) -> syn::Result<()> {
    if signature.asyncness.is_none() {
        let message = format!("an event handler is async: `{SHAPE}`");
        return Err(syn::Error::new(signature.fn_token.span, message));
    }
    match &signature.output {
        ReturnType::Default => {
            let message = format!(
                "an event handler says whether it has worked, so that it can be tried again: `{SHAPE}`"
            );
            Err(syn::Error::new_spanned(&signature.ident, message))
        }
        ReturnType::Type(..) => Ok(()),
    }
}

/// The types of the parameters after the event.
fn services(signature: &Signature) -> syn::Result<Vec<&Type>> {
    signature.inputs.iter().skip(1).map(service).collect()
}

fn service(parameter: &FnArg) -> syn::Result<&Type> {
    let FnArg::Typed(parameter) = parameter else {
        return Err(syn::Error::new_spanned(
            parameter,
            "a handler has no `self`",
        ));
    };
    match &*parameter.ty {
        Type::Reference(reference) => {
            let message =
                "a service is taken by value: services are handles that are cheap to clone";
            Err(syn::Error::new_spanned(reference, message))
        }
        Type::ImplTrait(odd) => {
            let message = "a service is found by its type; name it";
            Err(syn::Error::new_spanned(odd, message))
        }
        service => Ok(service),
    }
}
