//! Languages by the endings of their files, and the words that their calls for a name begin with.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, MatchKind};

use super::forms::{After, Before, Form, Names};
use super::grammar::GRAMMARS;
use super::libraries::{
    another, bound, casts, clap, configured, configured_by_key, decoupled, field, flags, generic, property, tagged,
    taken_out,
};
use super::managers::{self, asks, of_command, of_mount, of_vault, second, third};
use super::reading::Syntax;
use super::settings::Settings;
use super::special::{destructured, environ, imported, list, looked_up, server, variables, words};
use crate::model::Confidence;
use crate::model::usage::Store;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a language, by its number.
    Code(usize),
    /// A script of a shell.
    Shell,
    /// A script of `cmd`.
    Batch,
    /// A file of `make` or `just`.
    Make,
    /// Settings that a program reads.
    Settings(Settings),
    /// Perhaps a script: its name does not say.
    Unnamed,
}

const PYTHON: usize = 0;
const JAVASCRIPT: usize = 1;
const JVM: usize = 2;
const RUST: usize = 3;
const GO: usize = 4;
const RUBY: usize = 5;
const PHP: usize = 6;
const DOTNET: usize = 7;
const C: usize = 8;
const PERL: usize = 9;
const ELIXIR: usize = 10;
const SWIFT: usize = 11;
const DART: usize = 12;
const R: usize = 13;
const LUA: usize = 14;
const POWERSHELL: usize = 15;
const CLOJURE: usize = 16;

/// What a path is; `None` for what is no code.
pub(super) fn kind_of(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((stem, ending)) = name.rsplit_once('.') else { return unnamed(name) };
    if stem.is_empty() {
        return match ending {
            "npmrc" => Some(Kind::Settings(Settings::Filled)),
            "envrc" => Some(Kind::Shell),
            _ => None,
        };
    }
    let language = match ending {
        "py" | "pyi" | "pyw" | "ipynb" => PYTHON,
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "vue" | "svelte" | "astro" => JAVASCRIPT,
        "java" | "kt" | "kts" | "scala" | "sc" | "groovy" | "gradle" => JVM,
        "rs" => RUST,
        "go" => GO,
        "rb" | "rake" | "erb" | "gemspec" | "ru" | "cr" => RUBY,
        "php" | "phtml" => PHP,
        "cs" | "fs" | "vb" | "cshtml" | "fsx" => DOTNET,
        "c" | "h" | "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" | "m" | "mm" => C,
        "pl" | "perl" | "pm" | "t" | "cgi" => PERL,
        "ex" | "exs" | "eex" | "heex" => ELIXIR,
        "swift" => SWIFT,
        "dart" => DART,
        "r" | "R" | "Rmd" => R,
        "lua" => LUA,
        "ps1" | "psm1" | "psd1" => POWERSHELL,
        "clj" | "cljc" => CLOJURE,
        "sh" | "bash" | "zsh" | "ksh" | "bats" => return Some(Kind::Shell),
        "bat" | "cmd" => return Some(Kind::Batch),
        "mk" | "mak" => return Some(Kind::Make),
        _ => return settings_of(name, stem, ending),
    };
    Some(Kind::Code(language))
}

/// Files of settings that are known by their whole name.
fn settings_of(name: &str, stem: &str, ending: &str) -> Option<Kind> {
    let settings = match ending {
        "json" if name == "package.json" => Settings::Scripts,
        // `application-production.yml` too.
        "yml" | "yaml" | "properties"
            if stem
                .strip_prefix("application")
                .or_else(|| stem.strip_prefix("bootstrap"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) =>
        {
            Settings::Filled
        }
        "yml" if matches!(name, "database.yml" | "secrets.yml" | "storage.yml" | "cable.yml") => Settings::Ruby,
        _ => return None,
    };
    Some(Kind::Settings(settings))
}

fn unnamed(name: &str) -> Option<Kind> {
    match name {
        "Makefile" | "makefile" | "GNUmakefile" | "justfile" | "Justfile" => Some(Kind::Make),
        "Rakefile" | "Gemfile" | "Vagrantfile" | "Fastfile" | "Podfile" | "Capfile" => Some(Kind::Code(RUBY)),
        "" => None,
        _ => Some(Kind::Unnamed),
    }
}

const fn env(word: &'static str, before: Before, after: After) -> Form {
    Form {
        word,
        before,
        after,
        names: Names::Variable,
        store: Store::Environment,
        confidence: Confidence::High,
        quoted: false,
    }
}

const fn like(form: Form) -> Form {
    Form { confidence: Confidence::Medium, ..form }
}

const fn setting(form: Form) -> Form {
    Form { names: Names::Setting, ..like(form) }
}

use After::{Braces, Call, Index, Map, Plain, Special, Tag, Template};
use Before::{Any, Behind, Start, Word};

/// A secret that is declared by its name.
const fn declared(word: &'static str) -> Form {
    Form { store: Store::Manager, ..env(word, Word, Call) }
}

const fn within(form: Form) -> Form {
    Form { quoted: true, ..form }
}

/// The words of each language, by its number; of two that begin in the same place the first counts.
static FORMS: [&[Form]; 17] = [
    &[
        env("os.environ", Start, Special(environ)),
        env("environ", Start, Special(imported)),
        env("os.getenv", Start, Call),
        env("getenv", Start, Call),
        like(env("config(", Start, Special(decoupled))),
        like(env("env(", Behind(&["", "self."]), Call)),
        like(env("env.", Start, Special(casts))),
        like(env("env=", Word, Special(field))),
        like(env("envvar=", Word, Special(field))),
        asks("secret_version_path(", second),
        asks("secret_name_v2(", third),
        asks(".read(", of_vault),
    ],
    &[
        env("process.env", Word, Special(destructured)),
        env("process?.env", Word, Special(destructured)),
        env("import.meta.env", Word, Special(destructured)),
        env("Bun.env", Word, Special(destructured)),
        env("Deno.env.get", Word, Call),
        env("$env/static/", Any, Special(destructured)),
        env("{ env", Any, Special(taken_out)),
        env("{env", Any, Special(taken_out)),
        setting(env("onfigService.get", Any, Special(generic))),
        declared("defineSecret("),
        asks("ecretVersionPath(", second),
        asks("ecretNameV2(", third),
        asks("ault.read(", of_vault),
    ],
    &[
        env("getenv(", Word, Special(looked_up)),
        env("sys.env", Start, Map(&["get", "getOrElse", "apply", "contains"])),
        env("System.env", Start, Special(property)),
        env("Properties.envOr", Word, Special(another)),
        env("environmentVariable(", Word, Call),
        like(env("dotenv", Start, Map(&["get"]))),
        setting(env("@Value(", Any, Template)),
        setting(env("@ConfigProperty(", Any, Special(configured))),
        setting(env("getProperty(", Behind(&["env.", "nvironment."]), Call)),
        setting(env("getRequiredProperty(", Behind(&["env.", "nvironment."]), Call)),
        asks("ecretVersionName.of(", second),
        asks("aultTemplate.read(", of_vault),
    ],
    &[
        env("env::var(", Word, Call),
        env("env::var_os(", Word, Call),
        env("dotenvy::var(", Word, Call),
        env("dotenv::var(", Word, Call),
        env("env!(", Behind(&["option_", ""]), Call),
        like(env("env = \"", Word, Special(clap))),
        like(env(".env(\"", Any, Special(clap))),
    ],
    &[
        env("os.Getenv(", Word, Call),
        env("os.LookupEnv(", Word, Call),
        env("syscall.Getenv(", Word, Call),
        setting(env("viper.GetString(", Word, Call)),
        like(env("viper.BindEnv(", Word, Special(bound))),
        within(like(env("env:\"", Behind(&["`", " "]), Tag))),
        within(like(env("envconfig:\"", Behind(&["`", " "]), Tag))),
        like(env("EnvVar", Word, Special(flags))),
        asks("KVv2(", of_mount),
        asks("KVv1(", of_mount),
        asks("ogical().Read", managers::first),
    ],
    &[
        env("ENV[", Start, Index),
        env("ENV.fetch", Start, Call),
        env("ENV.dig", Start, Call),
        env("ENV.values_at", Start, Special(list)),
        env("ENV.key?", Start, Call),
        asks("ault.logical.read", managers::first),
    ],
    &[
        env("getenv(", Start, Call),
        env("$_ENV", Any, Index),
        Form { confidence: Confidence::Low, ..env("$_SERVER", Any, Special(server)) },
        like(env("env(", Start, Call)),
    ],
    &[
        env("GetEnvironmentVariable", Word, Special(variables)),
        setting(env("onfiguration[", Any, Index)),
        setting(env("onfig[", Any, Special(configured_by_key))),
        setting(env("GetValue<", Word, Special(generic))),
    ],
    &[
        env("getenv", Behind(&["secure_", "std::", "_w", "q", ""]), Call),
        env("nvironmentVariable", Behind(&["GetE", "qE"]), Special(variables)),
        env("_dupenv_s(", Start, Special(third)),
    ],
    &[env("$ENV{", Any, Braces), env("@ENV{", Any, Special(words))],
    &[
        env("System.get_env", Start, Call),
        env("System.fetch_env!", Start, Call),
        env("System.fetch_env", Start, Call),
        env("{:system, ", Any, Call),
    ],
    &[
        env("environment", Behind(&["processInfo.", "processInfo()."]), Special(taken_out)),
        env("getenv", Start, Call),
        env("Environment.get(", Start, Call),
    ],
    &[env("Platform.environment", Start, Index), env(".fromEnvironment", Any, Call)],
    &[env("Sys.getenv", Start, Call)],
    &[env("os.getenv", Start, Call)],
    &[
        env("$env:", Any, Plain),
        env("$Env:", Any, Plain),
        env("$ENV:", Any, Plain),
        env("${env:", Any, Plain),
        env("GetEnvironmentVariable", Word, Call),
        asks("Get-AzKeyVaultSecret", of_command),
        asks("Get-SECSecretValue", of_command),
        asks("Get-Secret", of_command),
    ],
    &[env("System/getenv", Start, Call), like(env("(env :", Any, Special(tagged)))],
];

/// What a line begins with that is a comment, by the number of the language.
static COMMENTS: [&[&str]; 17] = [
    &["#"],
    SLASHES,
    SLASHES,
    SLASHES,
    SLASHES,
    &["#"],
    &["//", "/*", "* ", "*/", "#"],
    &["//", "/*", "* ", "*/", "'"],
    SLASHES,
    &["#"],
    &["#"],
    SLASHES,
    SLASHES,
    &["#"],
    &["--"],
    &["#"],
    &[";"],
];

const SLASHES: &[&str] = &["//", "/*", "* ", "*/"];

/// What finds the words of a language.
pub(super) struct Language {
    number: usize,
    fast: Option<Searcher>,
    /// Where the processor cannot do the other.
    slow: Option<AhoCorasick>,
    syntax: Syntax,
}

static LANGUAGES: [LazyLock<Language>; 17] = {
    const fn one(make: fn() -> Language) -> LazyLock<Language> {
        LazyLock::new(make)
    }
    [
        one(|| Language::of(0)),
        one(|| Language::of(1)),
        one(|| Language::of(2)),
        one(|| Language::of(3)),
        one(|| Language::of(4)),
        one(|| Language::of(5)),
        one(|| Language::of(6)),
        one(|| Language::of(7)),
        one(|| Language::of(8)),
        one(|| Language::of(9)),
        one(|| Language::of(10)),
        one(|| Language::of(11)),
        one(|| Language::of(12)),
        one(|| Language::of(13)),
        one(|| Language::of(14)),
        one(|| Language::of(15)),
        one(|| Language::of(16)),
    ]
};

/// A language by its number.
pub(super) fn language(number: usize) -> Option<&'static Language> {
    LANGUAGES.get(number).map(|language| &**language)
}

impl Language {
    fn of(number: usize) -> Self {
        let words =
            || FORMS.get(number).copied().unwrap_or_default().iter().chain(managers::FORMS).map(|form| form.word);
        let fast = Searcher::new(words());
        let slow = if fast.is_some() {
            None
        } else {
            AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words()).ok()
        };
        let [first, ..] = &GRAMMARS;
        Self { number, fast, slow, syntax: Syntax::of(GRAMMARS.get(number).unwrap_or(first)) }
    }

    /// Gives every word that stands in a text: its form, and where it begins and ends.
    pub(super) fn find(&self, text: &[u8], mut f: impl FnMut(&'static Form, usize, usize)) {
        let own = FORMS.get(self.number).copied().unwrap_or_default();
        let mut give = |number: usize, start, end| {
            let form = own.get(number).or_else(|| managers::FORMS.get(number.saturating_sub(own.len())));
            if let Some(form) = form {
                f(form, start, end);
            }
        };
        if let Some(fast) = &self.fast {
            fast.find_iter(text).for_each(|hit| give(hit.pattern().as_usize(), hit.start(), hit.end()));
        } else if let Some(slow) = &self.slow {
            slow.find_iter(text).for_each(|hit| give(hit.pattern().as_usize(), hit.start(), hit.end()));
        }
    }

    /// How its comments and texts look.
    pub(super) const fn syntax(&self) -> &Syntax {
        &self.syntax
    }

    /// Whether functions stand at the left of a file alone.
    pub(super) const fn is_flat(&self) -> bool {
        matches!(self.number, C | PERL)
    }

    /// Whether the line of a byte is a comment.
    pub(super) fn is_comment(&self, text: &[u8], at: usize) -> bool {
        const LONGEST: usize = 4 << 10;
        let before = text.get(at.saturating_sub(LONGEST)..at).unwrap_or_default();
        let line = memchr::memrchr(b'\n', before).and_then(|start| before.get(start + 1..)).unwrap_or(before);
        let line = line.trim_ascii_start();
        let marks = COMMENTS.get(self.number).copied().unwrap_or_default();
        // In a document of Ruby a line may begin with code.
        let is_code = self.number == RUBY && line.starts_with(b"#{");
        !is_code && marks.iter().any(|mark| line.starts_with(mark.as_bytes()))
    }
}
