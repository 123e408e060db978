//! As much of Markdown as the rules need: headings, tables, what is not code.

/// One line of a document that is not inside a fenced block, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) text: &'a str,
}

/// The lines outside fenced blocks.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, text)| {
        let start = text.trim_start();
        match fence {
            Some(open) if start.starts_with(open) => fence = None,
            Some(_) => {}
            None if start.starts_with("```") => fence = Some("```"),
            None if start.starts_with("~~~") => fence = Some("~~~"),
            None => {
                return Some(Line {
                    number: index + 1,
                    text,
                });
            }
        }
        None
    })
}

/// The text of a heading of any depth.
pub(super) fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let depth = line.len() - text.len();
    (1..=6)
        .contains(&depth)
        .then_some(text)?
        .strip_prefix(' ')
        .map(str::trim)
}

/// What a link to a heading says behind its `#`, as GitHub makes it.
pub(super) fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        })
        .collect()
}

/// The cells of a table's row; none for any other line.
pub(super) fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.trim().strip_prefix('|')?;
    let inside = inside.strip_suffix('|').unwrap_or(inside);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for character in inside.chars() {
        match character {
            '|' if !escaped => cells.push(String::new()),
            _ => cells.last_mut()?.push(character),
        }
        escaped = character == '\\' && !escaped;
    }
    Some(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

/// Whether this row parts the head of a table from its body.
pub(super) fn is_rule(cells: &[String]) -> bool {
    cells
        .iter()
        .all(|cell| cell.contains('-') && cell.chars().all(|character| "-: ".contains(character)))
}

#[cfg(test)]
mod tests {
    use super::{cells, heading, is_rule, lines, slug};

    #[test]
    fn fenced_blocks_are_left_out_and_lines_keep_their_number() {
        let text = "a\n```rust\n| b |\n```\nc\n";
        let lines: Vec<_> = lines(text).map(|line| (line.number, line.text)).collect();
        assert_eq!(lines, [(1, "a"), (5, "c")]);
    }

    #[test]
    fn headings_have_text_and_a_slug() {
        assert_eq!(heading("## [cache.l1]"), Some("[cache.l1]"));
        assert_eq!(heading("#hashtag"), None);
        assert_eq!(heading("text"), None);
        assert_eq!(slug("What it's not for, `ever`"), "what-its-not-for-ever");
    }

    #[test]
    fn a_row_is_split_at_bars_that_are_not_escaped() {
        assert_eq!(
            cells("| `a` | b \\| c |"),
            Some(vec!["`a`".to_owned(), "b \\| c".to_owned()])
        );
        assert_eq!(cells("text | more"), None);
        assert!(is_rule(&cells("| --- | :-: |").unwrap()));
        assert!(!is_rule(&cells("| a | b |").unwrap()));
    }
}
