//! Whether two texts are the same, without a call where they are short.

/// Whether two texts are the same.
///
/// Most keys are short, and to call the library that compares memory costs as much as all else that a look-up
/// does with a key.
#[inline]
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..4 => one.iter().eq(other),
        4..=8 => same_ends::<4>(one, other),
        9..=16 => same_ends::<8>(one, other),
        _ => one == other,
    }
}

/// Whether the first and the last `N` bytes are the same: all of them, in a text no longer than both.
#[inline]
fn same_ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_the_same_only_if_every_byte_is() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(same(&text, &text.clone()));
            assert!(!same(&text, &[&text[..], b"x"].concat()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!same(&text, &other), "{at} of {length}");
            }
        }
    }
}
