//! An argument of an attribute that may be given once.

use syn::meta::ParseNestedMeta;

/// Keeps the value of an argument; a second one is an error at its place.
pub(crate) fn set<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    value: T,
) -> syn::Result<()> {
    if slot.is_some() {
        return Err(meta.error("this argument is given twice"));
    }
    *slot = Some(value);
    Ok(())
}
