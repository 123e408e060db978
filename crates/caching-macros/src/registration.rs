//! The arguments that all handlers share: their module, their order, where the crate is.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Ident, ItemFn, LitInt, Path, Type};

use crate::handler_function::conditions;
use crate::names::EventsCrate;
use crate::once;

const SAY_WHERE: &str = "say which module the handler belongs to, `module = InvoicesModule`; or \
                         `manual` for a handler that is given to `EventBus::builder()` by hand";

/// Where a handler belongs.
#[derive(Default)]
pub(crate) struct Registration {
    module: Option<Type>,
    manual: Option<Ident>,
    order: Option<LitInt>,
    krate: Option<Path>,
}

impl Registration {
    /// Takes an argument; `false` when it is none of these.
    pub(crate) fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
        if meta.path.is_ident("module") {
            let value = meta.value()?.parse()?;
            once::set(&mut self.module, meta, value)?;
        } else if meta.path.is_ident("manual") {
            let word = meta.path.require_ident()?.clone();
            once::set(&mut self.manual, meta, word)?;
        } else if meta.path.is_ident("order") {
            let value: LitInt = meta.value()?.parse()?;
            value.base10_parse::<u16>()?;
            once::set(&mut self.order, meta, value)?;
        } else if meta.path.is_ident("crate") {
            let value = meta.value()?.call(Path::parse_mod_style)?;
            once::set(&mut self.krate, meta, value)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Refuses what is missing and what contradicts itself.
    pub(crate) fn check(&self) -> syn::Result<()> {
        match (&self.module, &self.manual) {
            (None, None) => Err(syn::Error::new(Span::call_site(), SAY_WHERE)),
            (Some(_), Some(manual)) => {
                let message = "a handler with a module is registered; remove `manual` or `module`";
                Err(syn::Error::new_spanned(manual, message))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn events_crate(&self) -> EventsCrate {
        EventsCrate::or_default(self.krate.clone())
    }

    /// `HANDLER`, made by a constructor of `Handler`, and its line in the registry.
    pub(crate) fn expand(&self, function: &ItemFn, constructor: &TokenStream) -> TokenStream {
        let krate = self.events_crate();
        let (name, visibility) = (&function.sig.ident, &function.vis);
        let conditions = conditions(&function.attrs);
        let module = self
            .module
            .as_ref()
            .map(|module| quote!(.in_module::<#module>()));
        let order = self.order.as_ref().map(|order| quote!(.ordered(#order)));
        let register = self.module.as_ref().map(|_| {
            quote! {
                #(#conditions)*
                #krate::__register_handler! { #name::HANDLER }
            }
        });
        quote! {
            #(#conditions)*
            impl #name {
                /// The handler as a value, for `EventBus::builder().handler(…)`.
                #[allow(dead_code)]
                #visibility const HANDLER: #krate::Handler =
                    #krate::Handler::#constructor::<Self>(
                        ::core::concat!(
                            ::core::module_path!(),
                            "::",
                            ::core::stringify!(#name)
                        ),
                    )
                    #module
                    #order;
            }

            #register
        }
    }
}
