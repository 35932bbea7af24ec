//! Installs git hooks, and takes them out again.
//!
//! A hook that is there is kept beside (`pre-commit.before-quell`) and run after quell; uninstalling puts it back. In a
//! husky folder the hooks are files that people edit and share: lines are put into them and taken out. Where pre-commit
//! (the program) is used, what to add to its configuration is said, and nothing is installed. The repository's
//! configuration is read as text for `core.hooksPath`, and nothing outside of the repository is written.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Exit;
use super::changes::located;
use super::exit::escaped;
use crate::sources::git::{Location, setting};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only this hook: pre-commit or pre-push.
    #[arg(long, value_name = "HOOK", value_parser = HOOKS)]
    only: Option<String>,
}

const HOOKS: [&str; 2] = ["pre-commit", "pre-push"];
/// The second line of a hook that is quell's.
const MARK: &str = "# Made by `quell hook install`; `quell hook uninstall` puts back what was here before.";
/// How the name of a hook that was there before ends.
const KEPT: &str = ".before-quell";
/// Around the lines that are put into a husky hook.
const BEGIN: &str = "# >>> quell: `quell hook uninstall` takes these lines out";
const BEGIN_NEW: &str = "# >>> quell: `quell hook uninstall` takes this file away";
const END: &str = "# <<< quell\n";

const PRE_COMMIT: &str = "this repository uses pre-commit (the program), which has hooks of its own: nothing was installed\n  help: add this to .pre-commit-config.yaml, then run `pre-commit install --hook-type pre-commit --hook-type pre-push`\n\n  - repo: https://github.com/OWNER/quell  # where you get quell from\n    rev: v0.1.0\n    hooks:\n      - id: quell\n      - id: quell-push";

/// Where a repository's hooks are.
#[derive(Debug)]
enum Layout {
    /// Files that git runs.
    Hooks(PathBuf),
    /// Files that husky runs.
    Husky(PathBuf),
    /// pre-commit, the program.
    PreCommit,
}

/// What stands in a hook's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nothing,
    Ours,
    Other,
}

pub(super) fn install(args: &Args) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let layout = layout(&args.path)?;
    for hook in hooks(args) {
        let (file, done) = match &layout {
            Layout::PreCommit => bail!(PRE_COMMIT),
            Layout::Hooks(folder) => (folder.join(hook), chain(folder, hook)?),
            Layout::Husky(folder) => (folder.join(hook), insert(&folder.join(hook), hook)?),
        };
        say(&mut out, hook, done, &file)?;
    }
    Ok(Exit::Clean)
}

pub(super) fn uninstall(args: &Args) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let layout = layout(&args.path)?;
    for hook in hooks(args) {
        let (file, done) = match &layout {
            Layout::PreCommit => {
                bail!("pre-commit (the program) has the hooks\n  help: take quell out of .pre-commit-config.yaml")
            }
            Layout::Hooks(folder) => (folder.join(hook), unchain(&folder.join(hook))?),
            Layout::Husky(folder) => (folder.join(hook), take_out(&folder.join(hook))?),
        };
        say(&mut out, hook, done, &file)?;
    }
    Ok(Exit::Clean)
}

pub(super) fn status(args: &Args) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let layout = layout(&args.path)?;
    for hook in hooks(args) {
        let (file, done) = match &layout {
            Layout::PreCommit => {
                writeln!(out, "{hook}: pre-commit (the program) has the hooks; see .pre-commit-config.yaml")?;
                continue;
            }
            Layout::Hooks(folder) => (folder.join(hook), state(&folder.join(hook))),
            Layout::Husky(folder) => {
                let text = std::fs::read_to_string(folder.join(hook)).unwrap_or_default();
                (folder.join(hook), if block(&text).is_some() { State::Ours } else { State::Nothing })
            }
        };
        let word = match (done, kept(&file).symlink_metadata().is_ok()) {
            (State::Ours, true) => "installed, before the hook that was there",
            (State::Ours, false) => "installed",
            (State::Nothing | State::Other, _) => "not installed",
        };
        say(&mut out, hook, word, &file)?;
    }
    Ok(Exit::Clean)
}

fn hooks(args: &Args) -> impl Iterator<Item = &'static str> {
    HOOKS.into_iter().filter(|hook| args.only.as_deref().is_none_or(|only| only == *hook))
}

fn say(out: &mut dyn Write, hook: &str, done: &str, file: &Path) -> std::io::Result<()> {
    writeln!(out, "{hook}: {done} ({})", escaped(&file.display().to_string()))
}

/// Finds out where the hooks of a repository are.
fn layout(path: &Path) -> Result<Layout> {
    let repository = located(path, Location::find(path))?;
    let root = repository.work_tree.as_deref().unwrap_or(&repository.common_dir);
    if root.join(".pre-commit-config.yaml").is_file() {
        return Ok(Layout::PreCommit);
    }
    let own = ["config.worktree", "config"].into_iter().map(|name| repository.file(name));
    let files = own.chain(user_files().iter().map(|file| read(file))).flatten().collect::<Vec<_>>();
    let named = files.iter().find_map(|text| setting(text, "core", "hooksPath"));
    let husky = root.join(".husky");
    let by_husky = |named: &str| [husky.clone(), husky.join("_")].contains(&root.join(named.trim_end_matches('/')));
    if husky.is_dir() && named.as_deref().is_none_or(by_husky) {
        return Ok(Layout::Husky(inside(&repository, &husky)?));
    }
    let folder = match named.filter(|n| !n.is_empty()) {
        Some(named) => match (named.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(below), Some(home)) => Path::new(&home).join(below),
            _ => root.join(named),
        },
        None => repository.common_dir.join("hooks"),
    };
    Ok(Layout::Hooks(inside(&repository, &folder)?))
}

/// The configuration files of the person who runs quell, the nearest first.
fn user_files() -> Vec<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let global = named("GIT_CONFIG_GLOBAL").map(|file| vec![file]).unwrap_or_else(|| {
        let home = named("HOME");
        let config = named("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|h| h.join(".config")));
        [home.map(|h| h.join(".gitconfig")), config.map(|c| c.join("git/config"))].into_iter().flatten().collect()
    });
    let system = named("GIT_CONFIG_SYSTEM").unwrap_or_else(|| PathBuf::from("/etc/gitconfig"));
    global.into_iter().chain([system]).collect()
}

/// The content of a regular file of less than a mebibyte.
fn read(file: &Path) -> Option<Vec<u8>> {
    let meta = file.metadata().ok()?;
    (meta.is_file() && meta.len() < 1 << 20).then(|| std::fs::read(file).ok()).flatten()
}

/// A folder of hooks, made if it is not there; an error where it lies outside of the repository.
fn inside(repository: &Location, folder: &Path) -> Result<PathBuf> {
    let outside = || {
        format!(
            "the hooks are in `{}`, outside of the repository (core.hooksPath), and nothing was changed\n  help: let your hooks there call `quell hook pre-commit` and `quell hook pre-push \"$@\"`, or unset core.hooksPath",
            folder.display()
        )
    };
    let there = folder.ancestors().find_map(|f| f.canonicalize().ok()).with_context(outside)?;
    let below = |root: &Path| there.starts_with(root);
    let climbs = folder.components().any(|c| c == std::path::Component::ParentDir) && !folder.exists();
    if climbs || !(repository.work_tree.as_deref().is_some_and(below) || below(&repository.common_dir)) {
        bail!(outside());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    folder.canonicalize().with_context(outside)
}

fn kept(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(KEPT);
    PathBuf::from(name)
}

fn state(file: &Path) -> State {
    match file.symlink_metadata() {
        Err(_) => State::Nothing,
        Ok(meta) if meta.is_file() => {
            let text = read(file).unwrap_or_default();
            let second = text.split(|b| *b == b'\n').nth(1);
            if second == Some(MARK.as_bytes()) { State::Ours } else { State::Other }
        }
        Ok(_) => State::Other,
    }
}

/// Puts quell's hook into its place; one that is there is kept beside it.
fn chain(folder: &Path, hook: &str) -> Result<&'static str> {
    let file = folder.join(hook);
    let failed = || format!("`{}` cannot be written", file.display());
    let before = state(&file);
    if before == State::Other {
        if kept(&file).symlink_metadata().is_ok() {
            bail!(
                "`{}` is kept from an earlier hook, and another hook has taken quell's place since: nothing was changed\n  help: move one of the two away",
                kept(&file).display()
            );
        }
        std::fs::rename(&file, kept(&file)).with_context(failed)?;
    }
    let script = format!("#!/bin/sh\n{MARK}\n{}{}", call(hook)?, then());
    if let Err(e) = write_new(&file, script.as_bytes()) {
        if before == State::Other {
            let _ = std::fs::rename(kept(&file), &file);
        }
        return Err(e).with_context(failed);
    }
    Ok(match before {
        State::Nothing => "installed",
        State::Ours => "installed already",
        State::Other => "installed, before the hook that was there",
    })
}

/// Takes quell's hook away, and puts back what was there.
fn unchain(file: &Path) -> Result<&'static str> {
    if state(file) != State::Ours {
        return Ok("not installed");
    }
    if kept(file).symlink_metadata().is_ok() {
        std::fs::rename(kept(file), file).with_context(|| format!("`{}` cannot be written", file.display()))?;
        return Ok("taken out; the hook that was there is back");
    }
    std::fs::remove_file(file).with_context(|| format!("`{}` cannot be removed", file.display()))?;
    Ok("taken out")
}

/// Puts quell's lines first into a husky hook.
fn insert(file: &Path, hook: &str) -> Result<&'static str> {
    let failed = || format!("`{}` cannot be written", file.display());
    if file.is_symlink() {
        bail!(
            "`{}` is a link, and nothing was changed\n  help: put the lines into the file that it leads to",
            file.display()
        );
    }
    let (text, begin) = match std::fs::read_to_string(file) {
        Ok(text) => (text, BEGIN),
        Err(e) if e.kind() == ErrorKind::NotFound => (String::new(), BEGIN_NEW),
        Err(e) => return Err(e).with_context(failed),
    };
    if block(&text).is_some() {
        return Ok("installed already");
    }
    // A first line that says what runs the file stays the first.
    let first = if text.starts_with("#!") { text.find('\n').map_or(text.len(), |end| end + 1) } else { 0 };
    let (head, rest) = text.split_at(first);
    let ours = format!("{begin}\n{}{END}", call(hook)?);
    let mode = file.metadata().map_or(0o755, |m| m.permissions().mode());
    std::fs::write(file, format!("{head}{ours}{rest}")).with_context(failed)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).with_context(failed)?;
    Ok("installed, as lines of the husky hook")
}

/// Takes quell's lines out of a husky hook, and the file away where it was quell's alone.
fn take_out(file: &Path) -> Result<&'static str> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Some(ours) = block(&text) else { return Ok("not installed") };
    let made = text.get(ours.clone()).is_some_and(|t| t.starts_with(BEGIN_NEW));
    let rest = [text.get(..ours.start).unwrap_or_default(), text.get(ours.end..).unwrap_or_default()].concat();
    let failed = || format!("`{}` cannot be written", file.display());
    if made && rest.is_empty() {
        std::fs::remove_file(file).with_context(failed)?;
    } else {
        std::fs::write(file, rest).with_context(failed)?;
    }
    Ok("taken out")
}

/// Where quell's lines stand in a husky hook.
fn block(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find(BEGIN).or_else(|| text.find(BEGIN_NEW))?;
    let end = text.get(start..)?.find(END)? + start + END.len();
    Some(start..end)
}

/// The lines that call quell. Git's lines for pre-push are read once and given on.
fn call(hook: &str) -> Result<String> {
    let program = std::env::current_exe().context("where quell itself is cannot be found out")?;
    let program = program.to_str().context("the path of quell itself is no UTF-8")?.replace('\'', "'\\''");
    let find = format!(
        "quell='{program}'\n[ -x \"$quell\" ] || quell=quell\ncommand -v \"$quell\" >/dev/null 2>&1 || {{ echo \"quell is not there any more: install it, or take it out of $0\" >&2; exit 1; }}\n"
    );
    let run = match hook {
        "pre-push" => {
            "quell_lines=$(cat)\nprintf '%s\\n' \"$quell_lines\" | \"$quell\" hook pre-push \"$@\" || exit $?\nif [ -n \"$quell_lines\" ]; then exec <<QUELL\n$quell_lines\nQUELL\nelse exec </dev/null; fi\n"
        }
        _ => "\"$quell\" hook pre-commit || exit $?\n",
    };
    Ok(format!("{find}{run}"))
}

/// The lines that go on with the hook that was there.
fn then() -> String {
    format!("[ -x \"$0{KEPT}\" ] || exit 0\nexec \"$0{KEPT}\" \"$@\"\n")
}

/// Writes a hook beside its place and renames it, so that git never runs half of one.
fn write_new(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(name);
    let mut new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&beside)?;
    let written = new.write_all(text).and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}
