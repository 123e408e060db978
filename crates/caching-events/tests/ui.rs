//! Wrong uses of the macros, and what the compiler says to them.

#[test]
fn wrong_uses_give_readable_compile_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
