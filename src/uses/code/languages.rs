//! How each language reads the environment of its process, and how its libraries ask secret managers: by the languages' and the
//! services' own documentation.

use crate::model::Confidence;
use crate::model::usage::Store;

/// How a name stands behind what announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between quotes.
    Quoted,
    /// As a word.
    Bare,
    /// As a path, up to a quote, a blank or a bracket.
    Path,
    /// Several words between braces before it: `const { A, B } = process.env`.
    Before,
}

/// What announces a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) text: &'static str,
    pub(super) form: Form,
    pub(super) store: Store,
    pub(super) confidence: Confidence,
}

const fn environment(text: &'static str, form: Form) -> Call {
    Call { text, form, store: Store::Environment, confidence: Confidence::High }
}

const fn likely(text: &'static str, form: Form) -> Call {
    Call { text, form, store: Store::Environment, confidence: Confidence::Medium }
}

const fn manager(text: &'static str, form: Form) -> Call {
    Call { text, form, store: Store::Manager, confidence: Confidence::Medium }
}

/// A language.
#[derive(Debug)]
pub(super) struct Language {
    /// How its files end.
    pub(super) endings: &'static [&'static str],
    /// How a line of comment begins.
    pub(super) comments: &'static [&'static str],
    /// What opens a part of it that has a name.
    pub(super) opens: &'static [&'static str],
    pub(super) calls: &'static [Call],
}

const SLASHES: &[&str] = &["//", "*", "/*"];
const HASH: &[&str] = &["#"];

/// The languages.
pub(super) const LANGUAGES: &[Language] = &[
    Language {
        endings: &["py", "pyi"],
        comments: HASH,
        opens: &["def ", "async def ", "class "],
        calls: &[
            environment("environ[", Form::Quoted),
            environment("environ.get(", Form::Quoted),
            environment("environ.pop(", Form::Quoted),
            environment("getenv(", Form::Quoted),
            likely("env.str(", Form::Quoted),
            likely("env.url(", Form::Quoted),
            manager("SecretId=", Form::Quoted),
            manager("get_secret(", Form::Quoted),
            manager("get_parameter(Name=", Form::Quoted),
            manager("read_secret_version(path=", Form::Quoted),
        ],
    },
    Language {
        endings: &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"],
        comments: SLASHES,
        opens: &[
            "function ",
            "async function ",
            "export function ",
            "export async function ",
            "class ",
            "export class ",
            "const ",
        ],
        calls: &[
            environment("process.env.", Form::Bare),
            environment("process.env[", Form::Quoted),
            environment("= process.env", Form::Before),
            environment("import.meta.env.", Form::Bare),
            environment("Deno.env.get(", Form::Quoted),
            environment("Bun.env.", Form::Bare),
            manager("SecretId:", Form::Quoted),
            manager("getSecret(", Form::Quoted),
        ],
    },
    Language {
        endings: &["java", "kt", "kts", "scala", "groovy", "clj"],
        comments: SLASHES,
        opens: &["class ", "public class ", "fun ", "def ", "object ", "interface "],
        calls: &[
            environment("getenv(", Form::Quoted),
            environment("getenv().get(", Form::Quoted),
            likely("@Value(\"${", Form::Bare),
            manager(".secretId(", Form::Quoted),
            manager("getSecret(", Form::Quoted),
        ],
    },
    Language {
        endings: &["rs"],
        comments: SLASHES,
        opens: &["fn ", "pub fn ", "async fn ", "pub async fn ", "impl ", "mod ", "pub mod "],
        calls: &[
            environment("env::var(", Form::Quoted),
            environment("env::var_os(", Form::Quoted),
            environment("env!(", Form::Quoted),
            environment("option_env!(", Form::Quoted),
            environment("dotenvy::var(", Form::Quoted),
            likely("env = ", Form::Quoted),
            manager(".secret_id(", Form::Quoted),
        ],
    },
    Language {
        endings: &["go"],
        comments: SLASHES,
        opens: &["func ", "type "],
        calls: &[
            environment("os.Getenv(", Form::Quoted),
            environment("os.LookupEnv(", Form::Quoted),
            environment("syscall.Getenv(", Form::Quoted),
            likely("env:\"", Form::Bare),
            likely("envconfig:\"", Form::Bare),
            likely("viper.BindEnv(", Form::Quoted),
            manager("SecretId: aws.String(", Form::Quoted),
            manager("Logical().Read(", Form::Quoted),
        ],
    },
    Language {
        endings: &["rb", "rake", "erb", "ru"],
        comments: HASH,
        opens: &["def ", "class ", "module "],
        calls: &[
            environment("ENV[", Form::Quoted),
            environment("ENV.fetch(", Form::Quoted),
            manager("secret_id:", Form::Quoted),
        ],
    },
    Language {
        endings: &["php"],
        comments: &["//", "*", "/*", "#"],
        opens: &["function ", "public function ", "private function ", "protected function ", "class "],
        calls: &[
            environment("getenv(", Form::Quoted),
            environment("$_ENV[", Form::Quoted),
            likely("$_SERVER[", Form::Quoted),
            likely(" env(", Form::Quoted),
            manager("'SecretId' =>", Form::Quoted),
        ],
    },
    Language {
        endings: &["cs", "vb", "fs", "cshtml"],
        comments: &["//", "*", "/*", "'"],
        opens: &["class ", "public class ", "internal class ", "public static class "],
        calls: &[
            environment("GetEnvironmentVariable(", Form::Quoted),
            likely("Configuration[", Form::Quoted),
            manager("SecretId =", Form::Quoted),
            manager("GetSecret(", Form::Quoted),
            manager("GetSecretAsync(", Form::Quoted),
        ],
    },
    Language {
        endings: &["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm"],
        comments: SLASHES,
        opens: &["static ", "int ", "void ", "char ", "const "],
        calls: &[environment("getenv(", Form::Quoted)],
    },
    Language {
        endings: &["pl", "pm", "t", "perl"],
        comments: HASH,
        opens: &["sub ", "package "],
        calls: &[environment("$ENV{", Form::Bare), environment("$ENV{", Form::Quoted)],
    },
    Language {
        endings: &["ex", "exs"],
        comments: HASH,
        opens: &["def ", "defp ", "defmodule "],
        calls: &[
            environment("System.get_env(", Form::Quoted),
            environment("System.fetch_env!(", Form::Quoted),
            environment("System.fetch_env(", Form::Quoted),
        ],
    },
    Language {
        endings: &["swift", "dart"],
        comments: SLASHES,
        opens: &["func ", "class ", "struct ", "void "],
        calls: &[environment("environment[", Form::Quoted), environment("fromEnvironment(", Form::Quoted)],
    },
    Language {
        endings: &["r", "R", "lua"],
        comments: &["#", "--"],
        opens: &["function ", "local function "],
        calls: &[environment("Sys.getenv(", Form::Quoted), environment("os.getenv(", Form::Quoted)],
    },
];

/// What every text may have: references of 1Password, and resource names of Google's secret manager.
pub(super) const ANYWHERE: &[Call] = &[
    Call { text: "op://", form: Form::Path, store: Store::Manager, confidence: Confidence::High },
    Call { text: "/secrets/", form: Form::Path, store: Store::Manager, confidence: Confidence::Medium },
];
