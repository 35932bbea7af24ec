//! What a step does with the secrets that it is given: code of others, images, artifacts, scripts. Source:
//! <https://docs.github.com/en/actions/reference/security/secure-use>.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reading::{COST, Flow, Place, Reading, TOKEN, is_token, secrets_of};
use super::workflow::{Step, Token};
use crate::model::usage::{Context, Door, Span, System};
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::{Meaning, Notes};
use crate::uses::script::Lines;
use crate::uses::shell::{Dialect, Script, Written, is_traced};
use crate::uses::yaml::Node;

/// Inputs of a step: their names, what they are given, and the secrets in it.
pub(super) type Inputs<'y> = [(&'y str, Node<'y>, Vec<Flow>)];

/// How many files of the steps before are known to a step.
const FILES: usize = 64;

/// Switches that make the runner or an action tell more.
const DEBUG: &[&str] = &["ACTIONS_STEP_DEBUG", "ACTIONS_RUNNER_DEBUG", "RUNNER_DEBUG"];

/// An action without what stands behind `@`, in small letters.
pub(super) fn bare(action: &str) -> String {
    action.split('@').next().unwrap_or_default().to_ascii_lowercase()
}

/// Whether what an action or workflow is named by cannot be changed.
fn is_pinned(action: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let reference = action.rsplit_once('@').map_or("", |(_, reference)| reference);
    match action.strip_prefix("docker://") {
        Some(_) => reference.strip_prefix("sha256:").is_some_and(|digest| digest.len() == 64 && is_hex(digest)),
        None => action.starts_with("./") || (matches!(reference.len(), 40 | 64) && is_hex(reference)),
    }
}

/// The version of an action: of its tag, or of the comment behind a commit. The second number is missing where the tag moves.
pub(super) fn version(action: &str, span: Span, source: &str) -> Option<(u32, Option<u32>)> {
    let tag = action.rsplit_once('@').map_or("", |(_, tag)| tag);
    let text = if is_pinned(action) {
        let line = source.get(span.end..)?.lines().next()?;
        line.split_once('#')?
            .1
            .split_whitespace()
            .find(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))?
    } else {
        tag
    };
    let mut numbers = text.trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next().and_then(|number| number.parse().ok())))
}

/// Secrets that are handed to code that others can change: `handed` by the step itself, `around` by what is around it.
pub(super) fn unpinned(
    reading: &mut Reading<'_>,
    (action, span): (&str, Span),
    handed: &[Flow],
    around: &[Untrusted],
    token: Token,
    context: &Arc<Context>,
) {
    if is_pinned(action) {
        return;
    }
    let official = ["actions/", "github/"].iter().any(|owner| action.to_ascii_lowercase().starts_with(owner));
    let mut all: BTreeMap<&Untrusted, Confidence> = BTreeMap::new();
    all.extend(around.iter().map(|name| (name, if is_token(name) { Confidence::Low } else { Confidence::Medium })));
    for (name, _) in handed {
        let of_token = if token == Token::Reads { Confidence::Low } else { Confidence::Medium };
        all.insert(name, if is_token(name) { of_token } else { Confidence::High });
    }
    for (name, confidence) in all {
        let confidence = if official { Confidence::Low } else { confidence };
        reading.exposes(Door::Unpinned, name, span, context, confidence);
    }
}

/// Arguments of a build: they stay in the image. The token of a job is worth nothing when the job is over.
pub(super) fn built(reading: &mut Reading<'_>, action: &str, with: &Inputs<'_>, context: &Arc<Context>) {
    let is_bake = bare(action) == "docker/bake-action";
    for (name, _, flows) in with {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        for (secret, span) in flows {
            let line = line(reading.yaml.source(), *span);
            let argument = matches!(plain.as_str(), "buildargs" | "buildarg")
                || (is_bake && plain == "set" && line.contains(".args."));
            if argument {
                let confidence = if is_token(secret) { Confidence::Low } else { Confidence::High };
                reading.exposes(Door::BuildArgument, secret, *span, context, confidence);
            }
        }
    }
}

/// The line in which something stands.
pub(super) fn line(source: &str, span: Span) -> &str {
    let start = source.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    source.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}

/// Debugging that a part of a workflow turns on.
pub(super) fn debugged(reading: &mut Reading<'_>, part: Node<'_>, context: &Arc<Context>) {
    for (key, value) in part.get("env").map(Node::entries).unwrap_or_default() {
        let is_on = value.text().is_some_and(|text| matches!(text, "1" | "true"));
        if is_on && key.text().is_some_and(|name| DEBUG.contains(&name)) {
            let span = Span { start: key.span().start, end: value.span().end };
            reading.notes.exposes(Door::Traced, None, span, context, Confidence::Low);
        }
    }
}

/// Looks at the script of a step, which finds files of those before it; the files that secrets go into.
pub(super) fn script(
    reading: &mut Reading<'_>,
    step: &Step<'_>,
    kept: &Kept,
    place: Place<'_, '_>,
) -> Vec<Written<Untrusted>> {
    let Some(lines) = step.run.and_then(Lines::of) else { return Vec::new() };
    let shell = step.shell.split_whitespace().next().unwrap_or_default();
    let name = shell.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".exe");
    let is_known = matches!(name, "bash" | "sh" | "zsh" | "dash" | "ksh" | "pwsh" | "powershell" | "cmd");
    let files = kept.files(step.folder);
    if !is_known || !reading.pays(lines.text().len() * 4 + files.len() * 32) {
        return Vec::new();
    }
    let dialect = Dialect::named(shell);
    let traced = dialect == Dialect::Posix && is_traced(step.shell);
    let template = |text: &str| secrets_of(text, place);
    let meaning = Meaning { template: &template, free: &|_| Vec::new() };
    let script = lines.placed(Script { traced, ..lines.script(dialect) });
    let written = reading.notes.script_after(&files, script, place.env, &meaning, place.context);
    if reading.pays(written.len() * COST) { written } else { Vec::new() }
}

/// Files with secrets, and what is kept of them when a job is over.
#[derive(Default)]
pub(super) struct Kept {
    written: Vec<Written<Untrusted>>,
    /// Caches are saved at the end: their paths.
    caches: Vec<(Vec<String>, Arc<Context>)>,
}

impl Kept {
    /// The last files that scripts wrote, as one that runs in a folder names them.
    fn files(&self, folder: &str) -> Vec<Written<Untrusted>> {
        let folder = in_workspace(folder);
        let last = self.written.iter().rev().take(FILES).rev();
        let as_here = |one: &Written<Untrusted>| {
            let is_away = one.path.starts_with(['/', '~', '$']) || matches!(folder.as_str(), "" | ".");
            let inner = || one.path.strip_prefix(folder.as_str())?.strip_prefix('/');
            let path = if is_away { &one.path } else { inner()? };
            Some(Written { path: path.to_owned(), ..one.clone() })
        };
        last.filter_map(as_here).collect()
    }

    /// A file that a script wrote in a folder.
    pub(super) fn file(&mut self, mut written: Written<Untrusted>, folder: &str) {
        let path = in_workspace(&written.path);
        // Files by which steps speak to the runner are no files of the workspace.
        if path.contains("GITHUB_") {
            return;
        }
        let folder = in_workspace(folder);
        let is_relative = !path.starts_with(['/', '~', '$']);
        written.path =
            if is_relative && folder != "." && !folder.is_empty() { format!("{folder}/{path}") } else { path };
        self.written.push(written);
    }

    /// An action that writes or keeps files.
    pub(super) fn action(
        &mut self,
        reading: &mut Reading<'_>,
        uses: (&str, Span),
        with: &Inputs<'_>,
        context: &Arc<Context>,
    ) {
        let text = |name: &str| {
            with.iter().find(|(own, ..)| own.eq_ignore_ascii_case(name)).and_then(|(_, value, _)| value.text())
        };
        let paths =
            || text("path").unwrap_or_default().lines().map(in_workspace).filter(|path| !path.is_empty()).collect();
        let version = version(uses.0, uses.1, reading.yaml.source());
        match bare(uses.0).as_str() {
            "actions/checkout" => self.checkout(uses, with, version, text),
            "actions/cache" | "actions/cache/save" => self.caches.push((paths(), Arc::clone(context))),
            "actions/upload-artifact" => {
                let hidden = text("include-hidden-files") == Some("true") || keeps_hidden(version);
                self.keep(reading, &paths(), hidden, context);
            }
            "actions/upload-pages-artifact" => self.keep(reading, &paths(), false, context),
            _ => {}
        }
    }

    /// Until version 6, the credentials of a checkout stay in the folder.
    fn checkout<'t>(
        &mut self,
        (_, span): (&str, Span),
        with: &Inputs<'_>,
        version: Option<(u32, Option<u32>)>,
        text: impl Fn(&str) -> Option<&'t str>,
    ) {
        if text("persist-credentials") == Some("false") || version.is_none_or(|(major, _)| major > 5) {
            return;
        }
        let path = in_workspace(text("path").unwrap_or("."));
        let path = if path == "." { ".git/config".to_owned() } else { format!("{path}/.git/config") };
        let given = with
            .iter()
            .find(|(name, ..)| *name == "token")
            .map(|(.., flows)| flows.iter().map(|(name, _)| name.clone()).collect());
        for name in given.unwrap_or_else(|| vec![Untrusted::from(TOKEN)]) {
            self.written.push(Written { path: path.clone(), name, span });
        }
    }

    fn keep(&self, reading: &mut Reading<'_>, paths: &[String], hidden: bool, context: &Arc<Context>) {
        if !reading.pays((self.written.len() + 1) * (paths.len() + 1) * 64) {
            return;
        }
        let (without, with): (Vec<&str>, Vec<&str>) =
            paths.iter().map(String::as_str).partition(|path| path.starts_with('!'));
        let without: Vec<&str> = without.into_iter().map(|path| path.trim_start_matches('!')).collect();
        let is_outside = |path: &str| path.starts_with(['/', '~', '$']);
        let outside = with.iter().any(|path| is_outside(path));
        for one in &self.written {
            let mut probe = Notes::new(System::GithubActions);
            probe.keeps(std::slice::from_ref(one), &without, context);
            let excluded = !probe.done().exposures.is_empty();
            let apart = is_outside(&one.path) && !outside;
            if !excluded && !apart && (hidden || !is_hidden(&one.path, &with)) {
                reading.notes.keeps(std::slice::from_ref(one), &with, context);
            }
        }
    }

    /// The job is over.
    pub(super) fn end(self, reading: &mut Reading<'_>) {
        for (paths, context) in &self.caches {
            self.keep(reading, paths, true, context);
        }
    }
}

/// Hidden files are kept by old versions alone; whichever a commit without a comment is, it is taken for a new one.
fn keeps_hidden(version: Option<(u32, Option<u32>)>) -> bool {
    match version {
        Some((1 | 2, _)) => true,
        Some((3, Some(minor))) => minor < 2,
        Some((4, Some(minor))) => minor < 4,
        _ => false,
    }
}

/// Whether a file is hidden, or stands in a hidden folder that no path names.
fn is_hidden(path: &str, patterns: &[&str]) -> bool {
    let is_dotted = |part: &str| part.starts_with('.') && !matches!(part, "." | "..");
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    is_dotted(name)
        || (folder.split('/').any(is_dotted) && !patterns.iter().any(|pattern| pattern.split('/').any(is_dotted)))
}

/// A path from the folder in which a job works.
fn in_workspace(path: &str) -> String {
    let path = path.trim();
    let roots = ["${{ github.workspace }}", "${{github.workspace}}", "$GITHUB_WORKSPACE", "${GITHUB_WORKSPACE}", "."];
    let rest =
        roots.iter().find_map(|root| path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/')));
    match rest.map(|rest| rest.trim_matches('/')) {
        Some("") => ".".to_owned(),
        Some(rest) => rest.to_owned(),
        None => path.to_owned(),
    }
}
