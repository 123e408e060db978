//! The function under `#[cached]`: its arguments, and what it gives.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, PathSegment,
    Receiver, Result, ReturnType, Type,
};

use super::arguments::mentions;

const SHAPE: &str = "`#[cached]` stands on an async function: \
                     `async fn invoice(&self, id: u64) -> Result<Invoice, Error>`";

/// A function whose answers can be kept.
pub(super) struct Cached {
    pub(super) item: ItemFn,
    pub(super) receiver: Option<Own>,
    pub(super) arguments: Vec<Argument>,
    /// The type of the values that are kept.
    pub(super) value: Type,
    /// Whether it may say that there is none.
    pub(super) is_optional: bool,
}

/// Its `self`.
pub(super) struct Own {
    pub(super) span: Span,
    pub(super) is_reference: bool,
}

/// An argument beside `self`.
pub(super) struct Argument {
    pub(super) name: Ident,
    pub(super) ty: Type,
    pub(super) passing: Passing,
    written: FnArg,
}

/// How an argument comes to the function.
#[derive(Clone, Copy)]
pub(super) enum Passing {
    Value,
    Reference,
    /// From the cache: callers do not see it.
    Context,
}

impl Cached {
    pub(super) fn read(item: TokenStream) -> Result<Self> {
        let item: ItemFn = syn::parse2(item).map_err(|error| Error::new(error.span(), SHAPE))?;
        let signature = &item.sig;
        if signature.asyncness.is_none() {
            return Err(Error::new(signature.fn_token.span, SHAPE));
        }
        if let Some(parameter) = signature.generics.params.first() {
            return Err(Error::new(
                parameter.span(),
                "a cached function has no generic parameters: its key stands for one type of value",
            ));
        }
        let mut receiver = None;
        let mut arguments = Vec::new();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(own) => receiver = Some(own_of(own)?),
                FnArg::Typed(_) => arguments.push(Argument::of(input)?),
            }
        }
        let (value, is_optional) = value_of(&signature.output)?;
        Ok(Self {
            receiver,
            arguments,
            value,
            is_optional,
            item,
        })
    }

    pub(super) fn name(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// What callers give.
    pub(super) fn shown(&self) -> Vec<&FnArg> {
        let receiver = self.item.sig.receiver().is_some();
        let own = self.item.sig.inputs.iter().take(usize::from(receiver));
        let others = self.arguments.iter();
        let others = others.filter(|argument| !matches!(argument.passing, Passing::Context));
        own.chain(others.map(|argument| &argument.written))
            .collect()
    }

    /// The attributes that stay on the cached function.
    pub(super) fn attributes(&self) -> Vec<&Attribute> {
        // What is expected is in the body.
        self.attributes_where(|attribute| !attribute.path().is_ident("expect"))
    }

    /// The attributes that decide whether the functions are there.
    pub(super) fn conditions(&self) -> Vec<&Attribute> {
        self.attributes_where(|attribute| attribute.path().is_ident("cfg"))
    }

    /// The attributes that the function with the body needs.
    pub(super) fn attributes_of_body(&self) -> Vec<&Attribute> {
        let names = ["cfg", "allow", "expect"];
        self.attributes_where(|attribute| names.iter().any(|name| attribute.path().is_ident(name)))
    }

    fn attributes_where(&self, is_one: impl Fn(&Attribute) -> bool) -> Vec<&Attribute> {
        let attributes = self.item.attrs.iter();
        attributes.filter(|attribute| is_one(attribute)).collect()
    }

    /// The key is a type of its own, in which `Self` means that.
    pub(super) fn refuse_self_types(&self) -> Result<()> {
        let types = self.arguments.iter().map(|argument| &argument.ty);
        match types
            .chain([&self.value])
            .find(|ty| mentions(ty, &format_ident!("Self")))
        {
            None => Ok(()),
            Some(ty) => Err(Error::new(
                ty.span(),
                "write the name of the type in place of `Self`, which the key has none of",
            )),
        }
    }
}

impl Argument {
    fn of(written: &FnArg) -> Result<Self> {
        let FnArg::Typed(typed) = written else {
            return Err(Error::new(written.span(), SHAPE));
        };
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new(
                typed.pat.span(),
                "give the argument a plain name, by which its key can call it",
            ));
        };
        let passing = match &*typed.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return Err(Error::new(
                    reference.span(),
                    "a cached function changes nothing, since most calls do not run it; take `&` \
                     or a value",
                ));
            }
            Type::Reference(_) => Passing::Reference,
            Type::ImplTrait(any) => {
                return Err(Error::new(
                    any.span(),
                    "name the type of the argument: a key is made of it",
                ));
            }
            ty if is_named(ty, "FactoryContext") => Passing::Context,
            _ => Passing::Value,
        };
        Ok(Self {
            name: pattern.ident.clone(),
            ty: (*typed.ty).clone(),
            passing,
            written: written.clone(),
        })
    }

    /// The type in which a key keeps it.
    pub(super) fn owned_type(&self) -> TokenStream {
        match &self.ty {
            Type::Reference(reference) => {
                let referent = &*reference.elem;
                match is_named(referent, "str") {
                    true => quote!(::std::string::String),
                    false => quote!(<#referent as ::std::borrow::ToOwned>::Owned),
                }
            }
            ty => quote!(#ty),
        }
    }
}

fn own_of(receiver: &Receiver) -> Result<Own> {
    let referent = match &*receiver.ty {
        Type::Reference(reference) => Some(reference),
        _ => None,
    };
    let is_mutable = receiver.mutability.is_some()
        || referent.is_some_and(|reference| reference.mutability.is_some());
    if is_mutable {
        return Err(Error::new(
            receiver.span(),
            "a cached function changes nothing, since most calls do not run it; take `&self` or \
             `self: &Arc<Self>`",
        ));
    }
    Ok(Own {
        span: receiver.self_token.span,
        is_reference: referent.is_some(),
    })
}

/// The `V` of `Result<V, E>` or `Result<Option<V>, E>`, and whether it is the latter.
fn value_of(output: &ReturnType) -> Result<(Type, bool)> {
    const RESULT: &str = "a cached function gives `Result<V, E>`, or `Result<Option<V>, E>` where \
                          there may be none: what fails is not kept";
    let ReturnType::Type(_, ty) = output else {
        return Err(Error::new(Span::call_site(), RESULT));
    };
    let value = argument_of(ty, "Result").ok_or_else(|| Error::new(ty.span(), RESULT))?;
    Ok(match argument_of(value, "Option") {
        Some(inner) => (inner.clone(), true),
        None => (value.clone(), false),
    })
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The first type argument of a type of this name.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
