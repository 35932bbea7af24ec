//! What a path says about what lies there.

/// Parts of paths that hold tests, examples and documentation.
const TEST_PARTS: [&str; 26] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "__tests__",
    "__mocks__",
    "mock",
    "mocks",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "documentation",
    "e2e",
    "t",
    "stubs",
    "tutorial",
];

/// Endings of source files, in which a bare word is an expression.
const CODE: [&str; 46] = [
    "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "cs", "java", "kt", "kts", "scala", "groovy", "gradle", "go",
    "rs", "py", "pyi", "rb", "php", "js", "jsx", "mjs", "cjs", "ts", "tsx", "vue", "svelte", "swift", "dart", "lua",
    "pl", "pm", "r", "ex", "exs", "erl", "hs", "ml", "clj", "fs", "vb", "sol", "zig",
];

/// Whether a path is one of tests, examples or documentation. It is the path below the target: where a project lies says
/// nothing of what is in it. Of a file that was named it is the path below the current directory, or the name alone.
pub(super) fn is_test(path: &[u8]) -> bool {
    let text = String::from_utf8_lossy(path).to_lowercase();
    let mut parts = text.split('/');
    let file = parts.next_back().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    parts.any(|p| TEST_PARTS.contains(&p))
        || ["_test", "-test", "_tests", "_spec", "-spec", "_mock"].iter().any(|e| stem.ends_with(e))
        || [".test.", ".spec.", ".example", ".sample", ".mock.", ".template", ".dist"].iter().any(|i| file.contains(i))
        || stem.starts_with("test_")
        || matches!(stem, "test" | "tests" | "conftest" | "spec" | "example" | "readme" | "changelog" | "contributing")
}

/// Whether a path is a source file, by its ending.
pub(super) fn is_code(path: &[u8]) -> bool {
    let file = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let ending = file.iter().rposition(|b| *b == b'.').and_then(|dot| file.get(dot + 1..)).unwrap_or_default();
    std::str::from_utf8(ending).is_ok_and(|e| CODE.contains(&e.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_code_are_known_by_their_paths() {
        for path in [
            "tests/a.rs",
            "src/foo_test.go",
            "x/app.spec.ts",
            "docs/guide.md",
            "test_a.py",
            ".env.example",
            "README.md",
            "a/fixtures/k.pem",
        ] {
            assert!(is_test(path.as_bytes()), "{path}");
        }
        for path in ["src/main.rs", "attest/a.rs", "latest.txt", ".env", "contest/x.py"] {
            assert!(!is_test(path.as_bytes()), "{path}");
        }
        assert!(is_code(b"a/b.py") && is_code(b"X.JAVA") && !is_code(b".env") && !is_code(b"a.yml") && !is_code(b"py"));
    }
}
