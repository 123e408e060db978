//! Text from outside, checked once at the door.

/// Why a text was refused; made to follow the name of the field: `number must not be empty`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// More than the field may hold.
    #[error("is longer than {limit}, with {length}")]
    TooLong {
        /// The most that the field holds, in the field's unit: characters, or bytes for ids.
        limit: usize,
        /// What was given, in the field's unit: characters, or bytes for ids.
        length: usize,
    },
    /// A line break, a tab, a NUL or another control character.
    #[error("must not contain control characters")]
    Control,
}

/// Accepts a text that names something: not blank, at most `limit` characters, no control characters.
pub fn name(text: &str, limit: usize) -> Result<&str, TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    free(text, limit)
}

/// Accepts any text, an empty one too, of at most `limit` characters without control characters.
pub fn free(text: &str, limit: usize) -> Result<&str, TextError> {
    let length = text.chars().count();
    if length > limit {
        return Err(TextError::TooLong { limit, length });
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{TextError, free, name};

    #[test]
    fn blank_names_are_refused_and_empty_descriptions_are_not() {
        assert_eq!(name("  ", 10), Err(TextError::Empty));
        assert_eq!(free("", 10), Ok(""));
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(name("äöü", 3), Ok("äöü"));
        assert_eq!(
            name("äöüß", 3),
            Err(TextError::TooLong {
                limit: 3,
                length: 4
            })
        );
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\0b", "a\nb", "a\u{1f}b", "a\u{85}b"] {
            assert_eq!(name(text, 10), Err(TextError::Control));
        }
    }
}
