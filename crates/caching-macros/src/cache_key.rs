//! `derive(CacheKey)`: a struct becomes a typed key.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Expr, ExprArray, Fields, Ident, Lit, LitInt, LitStr, Path, Result,
    Type,
};

use crate::template::{Piece, Template};

/// What `#[cache_key(…)]` says.
#[derive(Default)]
struct Attributes {
    kind: Option<LitStr>,
    value: Option<Type>,
    template: Option<LitStr>,
    tags: Vec<LitStr>,
    version: Option<LitInt>,
    is_shared: bool,
    is_local: bool,
    krate: Option<Path>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = Attributes::of(input)?;
    let fields = field_names(input)?;
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(
            parameter.span(),
            "a cache key has no generic parameters: its kind stands for one type of value; \
             write a key for each",
        ));
    }

    let name = &input.ident;
    let krate = attributes
        .krate
        .clone()
        .unwrap_or_else(|| syn::parse_quote!(::caching_core));
    let kind = attributes.kind.as_ref().ok_or_else(|| {
        missing(
            input,
            "`kind = \"…\"`: the word that picks the profile, such as \"invoice\"",
        )
    })?;
    check_kind(kind)?;
    let value = attributes
        .value
        .as_ref()
        .ok_or_else(|| missing(input, "`value = …`: the type that is cached under this key"))?;
    let template = match &attributes.template {
        Some(text) => Template::parse(text)?,
        None => Template::of_fields(&fields),
    };
    template.check_fields(&fields)?;
    if let Some(unused) = fields.iter().find(|field| !template.names(field)) {
        return Err(Error::new(
            unused.span(),
            format!(
                "field `{unused}` is not part of the template, so two keys that differ in it \
                 would be one; add `{{{unused}}}` to the template or remove the field"
            ),
        ));
    }

    let text = Ident::new("text", Span::mixed_site());
    let tags = Ident::new("tags", Span::mixed_site());
    let write = write_pieces(&template, &text);
    let add_tags = attributes
        .tags
        .iter()
        .map(|tag| {
            let template = Template::parse(tag)?;
            template.check_fields(&fields)?;
            let pieces = write_pieces(&template, &text);
            Ok(quote! {{
                let mut #text = #krate::KeyText::new();
                #pieces
                #tags.add(&#text);
            }})
        })
        .collect::<Result<TokenStream>>()?;
    let value_type = match (attributes.is_local, &attributes.version) {
        (true, None) => quote!(#krate::ValueType::local::<#value>()),
        (true, Some(version)) => {
            return Err(Error::new(
                version.span(),
                "a local value never meets another version of itself; remove `version`",
            ));
        }
        (false, version) => {
            // Spanned at the value, so that a missing `Serialize` is reported there.
            let of = quote_spanned!(value.span()=> #krate::ValueType::of::<#value>());
            version
                .as_ref()
                .map_or(of.clone(), |version| quote!(#of.with_version(#version)))
        }
    };
    let is_shared = attributes.is_shared;

    Ok(quote! {
        impl #krate::CacheKey for #name {
            type Value = #value;
            const KIND: #krate::KeyKind = #krate::KeyKind::new(#kind);
            const VALUE: #krate::ValueType = #value_type;
            const SHARED: bool = #is_shared;

            #[allow(unused_variables)]
            fn write(&self, #text: &mut #krate::KeyText) {
                #write
            }

            #[allow(unused_variables)]
            fn tags(&self, #tags: &mut #krate::Tags) {
                #add_tags
            }
        }

        #krate::__register_kind!(#kind, ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)));
    })
}

impl Attributes {
    fn of(input: &DeriveInput) -> Result<Self> {
        let mut found = Self::default();
        for attribute in &input.attrs {
            if attribute.path().is_ident("cache_key") {
                attribute.parse_nested_meta(|meta| found.take(&meta))?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> Result<()> {
        let name = meta
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        match name.as_str() {
            "kind" => self.kind = Some(meta.value()?.parse()?),
            "value" => self.value = Some(meta.value()?.parse()?),
            "template" => self.template = Some(meta.value()?.parse()?),
            "version" => self.version = Some(meta.value()?.parse()?),
            "crate" => self.krate = Some(meta.value()?.parse()?),
            "local" => self.is_local = true,
            "scope" => {
                let scope: Ident = meta.value()?.parse()?;
                if scope != "shared" {
                    return Err(Error::new(
                        scope.span(),
                        "the only scope a key may name is `shared`; \
                         without it, the scope is the caller's",
                    ));
                }
                self.is_shared = true;
            }
            "tags" => {
                let array: ExprArray = meta.value()?.parse()?;
                self.tags = array.elems.iter().map(string).collect::<Result<_>>()?;
            }
            _ => {
                return Err(meta.error(
                    "unknown attribute; a cache key knows `kind`, `value`, `template`, `tags`, \
                     `scope = shared`, `version`, `local` and `crate`",
                ));
            }
        }
        Ok(())
    }
}

fn string(expression: &Expr) -> Result<LitStr> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.clone()),
            other => Err(Error::new(
                other.span(),
                "a tag is a string such as \"customer:{id}\"",
            )),
        },
        other => Err(Error::new(
            other.span(),
            "a tag is a string such as \"customer:{id}\"",
        )),
    }
}

fn missing(input: &DeriveInput, what: &str) -> Error {
    Error::new(
        input.ident.span(),
        format!("a cache key needs `#[cache_key(…)]` with {what}"),
    )
}

fn field_names(input: &DeriveInput) -> Result<Vec<Ident>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields
                .named
                .iter()
                .filter_map(|field| field.ident.clone())
                .collect()),
            Fields::Unit => Ok(Vec::new()),
            Fields::Unnamed(fields) => Err(Error::new(
                fields.span(),
                "a cache key names its fields, since its template refers to them; \
                 write `struct Key { id: … }`",
            )),
        },
        _ => Err(Error::new(
            input.ident.span(),
            "a cache key is a struct; write one for each kind of value",
        )),
    }
}

/// The rule of `KeyKind::new`, said where the kind is written.
fn check_kind(kind: &LitStr) -> Result<()> {
    let name = kind.value();
    let is_lower_snake = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if name == "plain" {
        Err(Error::new(
            kind.span(),
            "`plain` is the kind of `str` keys, with which this one would share its entries",
        ))
    } else if is_lower_snake {
        Ok(())
    } else {
        Err(Error::new(
            kind.span(),
            format!(
                "\"{name}\" is not a kind: a kind is lower_snake (1 to 64 of a-z, 0-9 and _, a \
                 letter first), so that configuration files and environment variables can name it"
            ),
        ))
    }
}

fn write_pieces(template: &Template, text: &Ident) -> TokenStream {
    template
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => quote!(#text.literal(#literal);),
            Piece::Field(field) => quote_spanned!(field.span()=> #text.part(&self.#field);),
        })
        .collect()
}
