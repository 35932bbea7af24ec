//! Who consumes a secret, by its name: references in pipelines, manifests and code; and the doors through which it leaks.

mod consumers;
mod door;
mod system;

use std::sync::Arc;

pub use consumers::{Consumers, Placed};
pub use door::Door;
pub use system::System;

use super::{Confidence, GapKind, Severity, Untrusted};

/// Bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// After the last.
    pub end: usize,
}

impl Span {
    /// How many they are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether a byte is one of them.
    #[must_use]
    pub const fn has(self, byte: usize) -> bool {
        self.start <= byte && byte < self.end
    }
}

/// Where the value behind a name is kept, as far as the reference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// Among the secrets of the system: masked, and not readable again.
    Secret,
    /// Among its variables, which may or may not be secret.
    Variable,
    /// In the environment of the process.
    Environment,
    /// In a secret manager beside it.
    Manager,
    /// In a file.
    File,
}

impl Store {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Variable => "variable",
            Self::Environment => "environment",
            Self::Manager => "manager",
            Self::File => "file",
        }
    }
}

/// Where in a pipeline or manifest something stands. What is not there is not known, or does not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// The pipeline, workflow, chart or object.
    pub pipeline: Option<Untrusted>,
    /// The job, stage or container.
    pub job: Option<Untrusted>,
    /// The step: its name, else what it runs or its number from 1.
    pub step: Option<Untrusted>,
    /// The environment that it is deployed to.
    pub environment: Option<Untrusted>,
    /// What starts it: `push`, `pull_request`; in the order of the file.
    pub events: Vec<Untrusted>,
    /// The action, orb, plugin, task or image that is handed the value.
    pub action: Option<Untrusted>,
}

impl Context {
    /// What it has in common with another; whatever starts either of them starts both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let same = |a: &Option<Untrusted>, b: &Option<Untrusted>| a.clone().filter(|_| a == b);
        let more = other.events.iter().filter(|event| !self.events.contains(event));
        Self {
            pipeline: same(&self.pipeline, &other.pipeline),
            job: same(&self.job, &other.job),
            step: same(&self.step, &other.step),
            environment: same(&self.environment, &other.environment),
            events: self.events.iter().chain(more).cloned().collect(),
            action: same(&self.action, &other.action),
        }
    }

    /// Every text in it.
    pub fn texts(&mut self, each: &mut dyn FnMut(&mut Untrusted)) {
        let Self { pipeline, job, step, environment, events, action } = self;
        [pipeline, job, step, environment, action].into_iter().flatten().chain(events).for_each(each);
    }

    /// In words: `job release, step Push, environment production`; nothing where nothing is known.
    #[must_use]
    pub fn words(&self) -> String {
        let text = |value: &Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
        let named = [
            ("pipeline", &self.pipeline),
            ("job", &self.job),
            ("step", &self.step),
            ("environment", &self.environment),
            ("handed to", &self.action),
        ];
        let mut words: Vec<String> =
            named.iter().filter_map(|(label, value)| Some(format!("{label} {}", text(value.as_ref()?)))).collect();
        if !self.events.is_empty() {
            words.push(format!("on {}", self.events.iter().map(text).collect::<Vec<_>>().join(", ")));
        }
        words.join(", ")
    }
}

/// A reference to a secret or variable by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use {
    /// The name under which its value is kept.
    pub name: Untrusted,
    /// Where that is.
    pub store: Store,
    /// The name under which whoever consumes it knows it: a variable of the environment, an input.
    pub variable: Option<Untrusted>,
    /// What the file is written for.
    pub system: System,
    /// The bytes of the reference.
    pub span: Span,
    /// Where in the pipeline.
    pub context: Arc<Context>,
    /// How sure.
    pub confidence: Confidence,
}

impl Use {
    /// Whether it is a use of this name: of the whole of it, of the object or the key in it (`db-credentials/password`), or of the last
    /// part of a path in a secret manager (`prod/db-password`).
    #[must_use]
    pub fn is_of(&self, name: &Untrusted) -> bool {
        let own = self.name.raw();
        let parts = || own.split(|b| *b == b'/').any(|part| part == name.raw());
        let last = || own.rsplit(|b| *b == b'/').next() == Some(name.raw());
        own == name.raw()
            || (self.store == Store::Manager && last())
            || self.variable.as_ref() == Some(name)
            || (self.system == System::GithubActions && own.eq_ignore_ascii_case(name.raw()))
            || (self.system.has_objects() && parts())
    }
}

/// A secret that leaks through a door.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exposure {
    /// Which door.
    pub door: Door,
    /// The name of the secret; `None` where it is every one.
    pub name: Option<Untrusted>,
    /// What the file is written for.
    pub system: System,
    /// The bytes that open the door.
    pub span: Span,
    /// Where in the pipeline.
    pub context: Arc<Context>,
    /// How sure.
    pub confidence: Confidence,
}

impl Exposure {
    /// How bad it is: what is only likely is less so.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.confidence {
            Confidence::High => self.door.severity(),
            Confidence::Medium => self.door.severity().min(Severity::High),
            Confidence::Low => self.door.severity().min(Severity::Low),
        }
    }
}

/// Another file that a file takes in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Include {
    /// What the file says: a path, an address, a name.
    pub what: Untrusted,
    /// The path from the root of the repository, where it is a file there.
    pub path: Option<Untrusted>,
    /// What that file is written for.
    pub system: System,
    /// The bytes that name it.
    pub span: Span,
}

/// A part of a file and what it stands in: whatever is found there has that context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The bytes.
    pub span: Span,
    /// Where in the pipeline.
    pub context: Arc<Context>,
}

/// Why a part of a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unread {
    /// Where it begins, in bytes.
    pub at: usize,
    /// The kind of failure; `None` where nothing failed, and a reader should know of it all the same.
    pub kind: Option<GapKind>,
    /// Why, in words of quell.
    pub why: String,
}

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// References, in the order of the file.
    pub uses: Vec<Use>,
    /// Exposures, in the order of the file.
    pub exposures: Vec<Exposure>,
    /// What stands where; inner parts behind outer ones.
    pub scopes: Vec<Scope>,
    /// Other files.
    pub includes: Vec<Include>,
    /// What was not read.
    pub unread: Vec<Unread>,
}

impl Uses {
    /// The context at a byte: the innermost part that has it.
    #[must_use]
    pub fn at(&self, byte: usize) -> Option<&Arc<Context>> {
        innermost(&self.scopes, byte)
    }

    /// Puts everything in the order of the file, each once.
    pub fn sort(&mut self) {
        self.uses.sort_by(|a, b| (a.span, a).cmp(&(b.span, b)));
        self.uses.dedup();
        self.exposures.sort_by(|a, b| (a.span, a).cmp(&(b.span, b)));
        self.exposures.dedup();
        self.unread.sort();
        self.unread.dedup();
    }
}

fn innermost(scopes: &[Scope], byte: usize) -> Option<&Arc<Context>> {
    let has = |scope: &&Scope| scope.span.has(byte);
    scopes.iter().filter(has).min_by_key(|scope| scope.span.len()).map(|scope| &scope.context)
}
