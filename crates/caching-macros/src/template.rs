//! Templates such as `{customer}:{page}`: literals, and the fields between them.

use proc_macro2::Span;
use syn::{Error, Ident, LitStr, Result};

/// A parsed template.
pub(crate) struct Template(Vec<Piece>);

/// A piece of a template.
pub(crate) enum Piece {
    Literal(String),
    Field(Ident),
}

impl Template {
    /// Parses a template; every message points at its literal.
    pub(crate) fn parse(literal: &LitStr) -> Result<Self> {
        let refuse = |problem: &str| Error::new(literal.span(), problem);
        let text = literal.value();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let Some(open) = rest.find(['{', '}']) else {
                pieces.push(Piece::Literal(rest.to_owned()));
                break;
            };
            if rest[open..].starts_with('}') {
                return Err(refuse("a `}` without its `{`"));
            }
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].to_owned()));
            }
            let inside = &rest[open + 1..];
            let close = inside
                .find('}')
                .ok_or_else(|| refuse("a `{` without its `}`"))?;
            let field = syn::parse_str::<Ident>(&inside[..close]).map_err(|_| {
                refuse("between `{` and `}` stands the name of a field, without a format")
            })?;
            if let Some(Piece::Field(before)) = pieces.last() {
                return Err(refuse(&format!(
                    "`{{{before}}}{{{field}}}` would make one key of `1`, `23` and `12`, `3`; \
                     put a separator such as `:` between them"
                )));
            }
            let mut field = field;
            field.set_span(literal.span());
            pieces.push(Piece::Field(field));
            rest = &inside[close + 1..];
        }
        let template = Self(pieces);
        template.check_separators(literal.span())?;
        Ok(template)
    }

    /// All fields, joined by `:`.
    pub(crate) fn of_fields(fields: &[Ident]) -> Self {
        let mut pieces = Vec::new();
        for field in fields {
            if !pieces.is_empty() {
                pieces.push(Piece::Literal(":".to_owned()));
            }
            pieces.push(Piece::Field(field.clone()));
        }
        Self(pieces)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(crate) fn names(&self, field: &Ident) -> bool {
        self.fields().any(|named| named == field)
    }

    /// Refuses names that are no fields.
    pub(crate) fn check_fields(&self, fields: &[Ident]) -> Result<()> {
        for named in self.fields() {
            if !fields.contains(named) {
                let known: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
                let known = if known.is_empty() {
                    "it has none".to_owned()
                } else {
                    format!("it has {}", known.join(", "))
                };
                return Err(Error::new(
                    named.span(),
                    format!("the key has no field `{named}`; {known}"),
                ));
            }
        }
        Ok(())
    }

    fn fields(&self) -> impl Iterator<Item = &Ident> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Field(field) => Some(field),
            Piece::Literal(_) => None,
        })
    }

    /// Between two fields there is a byte that cannot stand in a field's escaped text.
    fn check_separators(&self, span: Span) -> Result<()> {
        let inner = self.0.windows(3).filter_map(|pieces| match pieces {
            [Piece::Field(_), Piece::Literal(literal), Piece::Field(_)] => Some(literal),
            _ => None,
        });
        for literal in inner {
            let separates = literal
                .bytes()
                .any(|byte| !byte.is_ascii_alphanumeric() && !b"-._~%".contains(&byte));
            if !separates {
                return Err(Error::new(
                    span,
                    format!(
                        "`{literal}` may also stand inside a field, so it cannot separate two; \
                         use `:` or `/`"
                    ),
                ));
            }
        }
        Ok(())
    }
}
