//! A Rust file as words: comments, strings and test items left out.

use std::iter::Peekable;

use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream};

/// One word of code and the line it stands on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The words of the file, or none when it is no Rust (the compiler says so better).
///
/// Documentation counts as a comment. Brackets are words of their own.
pub(super) fn words(text: &str) -> Vec<Word> {
    read(text, false)
}

/// The same without what stands under `#[cfg(test)]`.
pub(super) fn shipped_words(text: &str) -> Vec<Word> {
    read(text, true)
}

/// The lines on which these words follow one another.
pub(super) fn lines_with<'a>(
    words: &'a [Word],
    phrase: &'a [&str],
) -> impl Iterator<Item = usize> + 'a {
    words
        .windows(phrase.len())
        .filter(move |window| window.iter().zip(phrase).all(|(word, is)| word.text == *is))
        .map(|window| window[0].line)
}

fn read(text: &str, leave_tests_out: bool) -> Vec<Word> {
    let mut words = Vec::new();
    if let Ok(stream) = text.parse::<TokenStream>() {
        collect(stream, leave_tests_out, &mut words);
    }
    words
}

fn collect(stream: TokenStream, leave_tests_out: bool, words: &mut Vec<Word>) {
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if leave_tests_out && tokens.peek().is_some_and(is_test_mark) {
                    skip_item(&mut tokens);
                } else {
                    push(words, "#", punct.span().start().line);
                }
            }
            TokenTree::Punct(punct) => {
                push(
                    words,
                    &punct.as_char().to_string(),
                    punct.span().start().line,
                );
            }
            TokenTree::Ident(ident) => {
                push(words, &ident.to_string(), ident.span().start().line);
            }
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(words, open, group.span_open().start().line);
                collect(group.stream(), leave_tests_out, words);
                push(words, close, group.span_close().start().line);
            }
            TokenTree::Literal(_) => {}
        }
    }
}

/// Passes over the item behind `#[cfg(test)]`: to its body, its semicolon or its comma.
fn skip_item(tokens: &mut Peekable<token_stream::IntoIter>) {
    let mut angles = 0_u32;
    let mut before = ' ';
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) => {
                match punct.as_char() {
                    ';' => return,
                    ',' if angles == 0 => return,
                    '<' => angles += 1,
                    '>' if before != '-' => angles = angles.saturating_sub(1),
                    _ => {}
                }
                before = punct.as_char();
            }
            _ => before = ' ',
        }
    }
}

/// `[cfg(test)]`, `[cfg(all(test, …))]`; not `[cfg(not(test))]`, which ships.
fn is_test_mark(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else {
        return false;
    };
    let mut words = Vec::new();
    collect(group.stream(), false, &mut words);
    let has = |text: &str| words.iter().any(|word| word.text == text);
    words.first().is_some_and(|word| word.text == "cfg") && has("test") && !has("not")
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn push(words: &mut Vec<Word>, text: &str, line: usize) {
    words.push(Word {
        text: text.to_owned(),
        line,
    });
}

#[cfg(test)]
mod tests {
    use super::{lines_with, shipped_words, words};

    fn joined(text: &str) -> String {
        let words = shipped_words(text);
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        texts.join(" ")
    }

    #[test]
    fn comments_documentation_and_strings_are_no_words() {
        let text = "// axum\n/* axum */\nfn f() { g(\"axum\") }";
        assert_eq!(joined(text), "fn f ( ) { g ( ) }");
        assert!(!joined("/// axum\nfn f() {}").contains("axum"));
    }

    #[test]
    fn items_for_tests_are_left_out_and_what_follows_stays() {
        assert_eq!(
            joined("#[cfg(test)]\nmod tests { bad }\nuse good;"),
            "use good ;"
        );
        assert_eq!(
            joined("#[cfg(all(test, unix))] use bad; use good;"),
            "use good ;"
        );
        assert_eq!(
            joined("#[cfg(test)] fn f<A, B>() -> A { bad } use good;"),
            "use good ;"
        );
        assert_eq!(
            joined("struct S { #[cfg(test)] bad: M<A, B>, good: C }"),
            "struct S { good : C }"
        );
    }

    #[test]
    fn what_ships_only_outside_tests_stays() {
        assert!(joined("#[cfg(not(test))] use good;").ends_with("use good ;"));
    }

    #[test]
    fn a_phrase_is_found_on_its_line() {
        let words = words("fn f() {\n    g()\n        .unwrap();\n}");
        let lines: Vec<_> = lines_with(&words, &[".", "unwrap", "(", ")"]).collect();
        assert_eq!(lines, [3]);
    }
}
