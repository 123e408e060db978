//! `#[cached]`: an async function whose answers are kept.

mod arguments;
mod function;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, FnArg, Ident, LitStr, Pat, Path, Result};

use self::arguments::{Arguments, Key, OfTemplate};
use self::function::{Argument, Cached, Passing};
use crate::template::{Piece, Template};

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

/// How the cached function comes to its key.
struct KeyCode {
    value: TokenStream,
    /// The function that makes it, where there is one.
    function: TokenStream,
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

    /// A key that the user writes, each time.
    fn of_expression(&self, key: &Expr) -> Result<KeyCode> {
        self.refuse_forgotten("name it in the key", |name| arguments::mentions(key, name))?;
        Ok(KeyCode {
            value: quote!(#key),
            function: TokenStream::new(),
        })
    }

    /// A key that is derived, and a function that makes it.
    fn of_template(&self, text: &LitStr, of: &OfTemplate) -> Result<KeyCode> {
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
