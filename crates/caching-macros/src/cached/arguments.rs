//! What `#[cached(…)]` says.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprArray, Ident, Lit, LitInt, LitStr, Path, Result};

use crate::once;

/// What an attribute says.
pub(super) struct Arguments {
    pub(super) key: Key,
    pub(super) cache: Option<Expr>,
    /// Arguments that make no difference to the value.
    pub(super) skipped: Vec<Ident>,
    pub(super) krate: Option<Path>,
}

/// The key of a function.
pub(super) enum Key {
    /// A template of its arguments.
    Template(LitStr, OfTemplate),
    /// A key of a type that is there already.
    Expression(Expr),
}

/// What goes with a template: where a key type is written out, it stands there.
pub(super) struct OfTemplate {
    pub(super) kind: LitStr,
    pub(super) tags: Vec<LitStr>,
    version: Option<LitInt>,
    is_shared: bool,
    is_local: bool,
}

#[derive(Default)]
struct Said {
    key: Option<Expr>,
    kind: Option<LitStr>,
    tags: Option<ExprArray>,
    version: Option<LitInt>,
    shared: Option<Span>,
    local: Option<Span>,
    cache: Option<Expr>,
    skipped: Vec<Ident>,
    krate: Option<Path>,
}

impl Arguments {
    pub(super) fn read(arguments: TokenStream) -> Result<Self> {
        let mut said = Said::default();
        let parser = syn::meta::parser(|meta| said.take(&meta));
        parser.parse2(arguments)?;
        let key = match said.key.take() {
            None => {
                return Err(Error::new(
                    Span::call_site(),
                    "say under which key values are kept: `key = \"{id}\"`, a template of the \
                     arguments, or `key = InvoiceKey { id }`, a key of a type of your own",
                ));
            }
            Some(key) => said.key(key)?,
        };
        Ok(Self {
            key,
            cache: said.cache,
            skipped: said.skipped,
            krate: said.krate,
        })
    }
}

impl Said {
    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string);
        match name.as_deref().unwrap_or_default() {
            "key" => once::set(&mut self.key, meta, meta.value()?.parse()?),
            "kind" => once::set(&mut self.kind, meta, meta.value()?.parse()?),
            "tags" => once::set(&mut self.tags, meta, meta.value()?.parse()?),
            "version" => once::set(&mut self.version, meta, meta.value()?.parse()?),
            "cache" => once::set(&mut self.cache, meta, meta.value()?.parse()?),
            "crate" => once::set(&mut self.krate, meta, meta.value()?.parse()?),
            "local" => once::set(&mut self.local, meta, meta.path.span()),
            "scope" => {
                let scope: Ident = meta.value()?.parse()?;
                if scope != "shared" {
                    return Err(Error::new(
                        scope.span(),
                        "the only scope a key may name is `shared`; \
                         without it, the scope is the caller's",
                    ));
                }
                once::set(&mut self.shared, meta, scope.span())
            }
            "skip" => meta.parse_nested_meta(|skipped| {
                let name = skipped.path.require_ident()?;
                self.skipped.push(name.clone());
                Ok(())
            }),
            "profile" => Err(meta.error(
                "a profile is picked by the kind of the key; write `kind = \"…\"`, and \
                 `[cache.profiles.KIND]` in the configuration",
            )),
            _ => Err(meta.error(
                "unknown argument; a cached function knows `key`, `kind`, `cache`, `tags`, \
                 `scope = shared`, `version`, `local`, `skip(…)` and `crate`",
            )),
        }
    }

    fn key(&self, key: Expr) -> Result<Key> {
        let text = match &key {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(text) = text else {
            self.refuse_what_a_key_type_says()?;
            return Ok(Key::Expression(key));
        };
        let kind = self.kind.clone().ok_or_else(|| {
            Error::new(
                text.span(),
                "say `kind = \"…\"` too: the word that picks the profile, such as \"invoice\"",
            )
        })?;
        let tags = self.tags.iter().flat_map(|tags| &tags.elems);
        Ok(Key::Template(
            text,
            OfTemplate {
                kind,
                tags: tags.map(string).collect::<Result<_>>()?,
                version: self.version.clone(),
                is_shared: self.shared.is_some(),
                is_local: self.local.is_some(),
            },
        ))
    }

    fn refuse_what_a_key_type_says(&self) -> Result<()> {
        let said = [
            self.kind.as_ref().map(|kind| ("kind", kind.span())),
            self.tags.as_ref().map(|tags| ("tags", tags.span())),
            self.version
                .as_ref()
                .map(|version| ("version", version.span())),
            self.shared.map(|span| ("scope", span)),
            self.local.map(|span| ("local", span)),
        ];
        match said.into_iter().flatten().next() {
            None => Ok(()),
            Some((what, span)) => Err(Error::new(
                span,
                format!(
                    "`{what}` is for the type of the key to say: `#[cache_key({what} …)]` on it"
                ),
            )),
        }
    }
}

impl OfTemplate {
    /// The same, for the key that is derived.
    pub(super) fn rest(&self) -> TokenStream {
        let tags = &self.tags;
        let tags = (!tags.is_empty()).then(|| quote!(, tags = [#(#tags),*]));
        let version = self
            .version
            .as_ref()
            .map(|version| quote!(, version = #version));
        let shared = self.is_shared.then(|| quote!(, scope = shared));
        let local = self.is_local.then(|| quote!(, local));
        quote!(#tags #version #shared #local)
    }
}

fn string(expression: &Expr) -> Result<LitStr> {
    if let Expr::Lit(literal) = expression
        && let Lit::Str(text) = &literal.lit
    {
        return Ok(text.clone());
    }
    Err(Error::new(
        expression.span(),
        "a tag is a string such as \"customer:{id}\"",
    ))
}

/// Whether an expression names this argument anywhere.
pub(super) fn mentions(tokens: &impl ToTokens, name: &Ident) -> bool {
    fn is_in(tokens: TokenStream, name: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *name,
            TokenTree::Group(group) => is_in(group.stream(), name),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    is_in(tokens.to_token_stream(), name)
}
