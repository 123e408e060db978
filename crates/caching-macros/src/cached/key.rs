//! The key of a cached function: one that is written out, or one that is derived from a template.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Expr, Ident, LitStr, Result};

use super::Expansion;
use super::arguments::{self, OfTemplate};
use super::function::{Argument, Passing};
use crate::template::{Piece, Template};

/// How the cached function comes to its key.
pub(super) struct KeyCode {
    pub(super) value: TokenStream,
    /// The function that makes it, where there is one.
    pub(super) function: TokenStream,
}

impl Expansion<'_> {
    /// A key that the user writes, each time.
    pub(super) fn of_expression(&self, key: &Expr) -> Result<KeyCode> {
        self.refuse_forgotten("name it in the key", |name| arguments::mentions(key, name))?;
        Ok(KeyCode {
            value: quote!(#key),
            function: TokenStream::new(),
        })
    }

    /// A key that is derived, and a function that makes it.
    pub(super) fn of_template(&self, text: &LitStr, of: &OfTemplate) -> Result<KeyCode> {
        let template = Template::parse(text)?;
        self.check_names(&template)?;
        self.refuse_forgotten("add `{…}` with its name to the key", |name| {
            template.names(name)
        })?;
        for tag in &of.tags {
            let tag_template = Template::parse(tag)?;
            self.check_names(&tag_template)?;
            if let Some(other) = names(&tag_template).find(|name| !template.names(name)) {
                return Err(Error::new(
                    tag.span(),
                    format!("the tag names `{other}`, which is not part of the key"),
                ));
            }
        }
        self.cached.refuse_self_types()?;

        let Self { cached, krate, .. } = self;
        let (function, vis) = (self.key_name(), &cached.item.vis);
        let conditions = cached.conditions();
        let value = &cached.value;
        let of_key: Vec<&Argument> = self
            .keyed()
            .filter(|argument| template.names(&argument.name))
            .collect();
        let parameters = of_key.iter().map(|argument| {
            let (name, ty) = (&argument.name, &argument.ty);
            quote!(#name: #ty)
        });
        let given = of_key.iter().map(|argument| {
            let name = &argument.name;
            quote!(#name)
        });
        let fields = of_key.iter().map(|argument| {
            let (name, ty) = (&argument.name, argument.owned_type());
            quote!(#name: #ty)
        });
        let values = of_key.iter().map(|argument| {
            let name = &argument.name;
            match argument.passing {
                Passing::Reference => quote!(#name: ::std::borrow::ToOwned::to_owned(#name)),
                Passing::Value | Passing::Context => quote!(#name),
            }
        });
        let (kind, rest) = (&of.kind, of.rest());
        let key = format_ident!("{}Key", camel(&cached.name().to_string()));
        let path = self.path(&function);
        let doc = self.linked(&format!(
            "The key of [`{name}`](Self::{name}): to remove or expire what it keeps.",
            name = cached.name()
        ));
        Ok(KeyCode {
            value: quote!(#path(#(#given),*)),
            function: quote! {
                #(#conditions)*
                #[doc = #doc]
                #vis fn #function(#(#parameters),*) -> impl #krate::CacheKey<Value = #value> + use<> {
                    #[derive(#krate::CacheKey)]
                    #[cache_key(kind = #kind, value = #value, template = #text, crate = #krate #rest)]
                    struct #key {
                        #(#fields),*
                    }
                    #key { #(#values),* }
                }
            },
        })
    }

    /// The arguments that belong to the key: all but those that are left out on purpose.
    fn keyed(&self) -> impl Iterator<Item = &Argument> {
        self.cached.arguments.iter().filter(|argument| {
            !matches!(argument.passing, Passing::Context)
                && !self.arguments.skipped.contains(&argument.name)
        })
    }

    fn check_names(&self, template: &Template) -> Result<()> {
        let known: Vec<&Ident> = self.keyed().map(|argument| &argument.name).collect();
        match names(template).find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(other) => {
                let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let known = match known.is_empty() {
                    true => "there are none".to_owned(),
                    false => format!("there are {}", known.join(", ")),
                };
                Err(Error::new(
                    other.span(),
                    format!("the function has no argument `{other}` for the key; {known}"),
                ))
            }
        }
    }

    /// Refuses arguments that make a difference and are not in the key.
    fn refuse_forgotten(&self, way_out: &str, is_in_key: impl Fn(&Ident) -> bool) -> Result<()> {
        let mut names = self.keyed().map(|argument| &argument.name);
        match names.find(|name| !is_in_key(name) && !self.finds_cache(name)) {
            None => Ok(()),
            Some(name) => Err(Error::new(
                name.span(),
                format!(
                    "argument `{name}` is not part of the key, so that calls which differ in it would \
                     be given one value; {way_out}, or say `skip({name})` if it makes no difference"
                ),
            )),
        }
    }
}

fn names(template: &Template) -> impl Iterator<Item = &Ident> {
    template.pieces().iter().filter_map(|piece| match piece {
        Piece::Field(name) => Some(name),
        Piece::Literal(_) => None,
    })
}

/// `top_customers` as `TopCustomers`.
fn camel(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(letters)
        })
        .collect()
}
