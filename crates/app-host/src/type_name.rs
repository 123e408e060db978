//! Type names as people read them.

/// Leaves the paths out of a type name: `a::b::Vec<c::D>` becomes `Vec<D>`.
pub(crate) fn short(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut segment_start = 0;
    let mut rest = full.chars().peekable();
    while let Some(character) = rest.next() {
        if character == ':' && rest.peek() == Some(&':') {
            rest.next();
            short.truncate(segment_start);
            continue;
        }
        short.push(character);
        if !character.is_alphanumeric() && character != '_' {
            segment_start = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn paths_are_left_out_of_every_part_of_a_type_name() {
        assert_eq!(short("u8"), "u8");
        assert_eq!(short("a::b::Cache"), "Cache");
        assert_eq!(
            short("std::sync::Arc<dyn a_b::C + core::marker::Send>"),
            "Arc<dyn C + Send>"
        );
        assert_eq!(short("(a::B, &c::D<e::F>)"), "(B, &D<F>)");
    }
}
