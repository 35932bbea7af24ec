//! Tasks as plain files: `DIR/Q-17.md` for the case `Q-17`. There is no network and no account: whoever may write the folder may
//! close a task, and nobody is heard by a comment.
//!
//! A file begins with the marker's comment, then has lines `state:`, `due:`, `labels:` and `title:` up to an empty one, then the
//! body, then the comments, each after a line that says its marker. Lines of bodies and comments that look like such a line get
//! a backslash. A file is written whole to a new one beside it, which then takes its place.

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags, open};
use tempfile::NamedTempFile;
use url::Url;

use super::{
    Account, Comment, Marker, Pending, Task, TaskFormat, TaskSink, TaskText, TrackerError, fitted, labels, when,
};
use crate::model::system_words;

/// The longest file.
const MOST: u64 = 4 << 20;
/// Most files of a folder that are looked at.
const FILES: usize = 100_000;
/// The longest body or comment, in characters.
const BODY: usize = 100_000;
/// How a line begins that has a marker.
const MARK: &str = "<!-- quell:";

/// A folder of tasks.
pub struct Files {
    name: String,
    folder: PathBuf,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    marker: Marker,
    open: bool,
    due: Option<String>,
    labels: String,
    title: String,
    body: String,
    /// Their markers and texts.
    comments: Vec<(Marker, String)>,
}

impl Files {
    /// A folder that is there. It must be none of those that are scanned: what is in it is nobody's to write but quell's and
    /// its readers'.
    ///
    /// # Errors
    /// Where there is no such folder, or it is a symbolic link.
    pub fn new(name: &str, folder: &Path) -> Result<Self, TrackerError> {
        let found = folder.symlink_metadata().map_err(|e| failed(&e))?;
        if !found.is_dir() {
            return Err(TrackerError::Folder("it is no folder, or a symbolic link to one".to_owned()));
        }
        let folder = folder.canonicalize().map_err(|e| failed(&e))?;
        Ok(Self { name: name.to_owned(), folder })
    }

    /// Where the task of a key is: never outside of the folder.
    fn path(&self, key: &str) -> Result<PathBuf, TrackerError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if key.is_empty() || key.len() > 64 || !key.bytes().all(plain) {
            return Err(TrackerError::Key);
        }
        Ok(self.folder.join(format!("{key}.md")))
    }

    /// Reads a task with the time of its last change. What is no regular file is refused, and so is a file of anybody else.
    fn read(&self, key: &str) -> Result<Option<(Page, i64)>, TrackerError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match open(self.path(key)?, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => {
                return Err(TrackerError::Folder(format!("`{key}.md` is a symbolic link")));
            }
            Err(error) => return Err(failed(&error.into())),
        };
        let about = file.metadata().map_err(|e| failed(&e))?;
        if !about.is_file() || about.len() > MOST {
            return Err(TrackerError::Folder(format!("`{key}.md` is no file, or too long")));
        }
        let mut text = String::new();
        file.take(MOST).read_to_string(&mut text).map_err(|e| failed(&e))?;
        let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let at = since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default();
        match Page::read(&text) {
            Some(page) => Ok(Some((page, at))),
            None => Err(TrackerError::Folder(format!("`{key}.md` is no task of quell's: move it away"))),
        }
    }

    fn must_read(&self, key: &str) -> Result<Page, TrackerError> {
        self.read(key)?.map(|(page, _)| page).ok_or(TrackerError::Gone)
    }

    /// Writes a task whole, or nothing. A new one takes no other's place.
    fn put(&self, key: &str, page: &Page, new: bool) -> Result<(), TrackerError> {
        let path = self.path(key)?;
        let mut file = NamedTempFile::new_in(&self.folder).map_err(|e| failed(&e))?;
        file.write_all(page.text().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
        // Whoever may read and write the folder may do so with its tasks.
        let mode = self.folder.metadata().map_err(|e| failed(&e))?.permissions().mode() & 0o666;
        file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(|e| failed(&e))?;
        let kept = if new { file.persist_noclobber(&path) } else { file.persist(&path) };
        kept.map(drop).map_err(|e| failed(&e.error))
    }

    fn task(&self, key: &str, page: &Page, updated: i64) -> Result<Task, TrackerError> {
        let url = Url::from_file_path(self.path(key)?).map_err(|()| TrackerError::Key)?;
        Ok(Task { key: key.to_owned(), url: url.into(), open: page.open, closed_by: None, updated })
    }

    fn change(&self, key: &str, change: impl FnOnce(&mut Page)) -> Result<(), TrackerError> {
        let before = self.must_read(key)?;
        let mut page = before.clone();
        change(&mut page);
        // What does not change keeps its time.
        if page == before { Ok(()) } else { self.put(key, &page, false) }
    }
}

impl Page {
    fn new(text: &TaskText, open: bool, comments: Vec<(Marker, String)>) -> Self {
        let one_line = |text: &str| text.replace(char::is_control, " ");
        Self {
            marker: text.marker.clone(),
            open,
            due: text.due.map(when::day),
            labels: one_line(&labels(text).join(", ")),
            title: one_line(fitted(&text.title, 250)).trim().to_owned(),
            body: inert(fitted(&text.body, BODY)),
            comments,
        }
    }

    fn text(&self) -> String {
        let state = if self.open { "open" } else { "closed" };
        let due = self.due.as_ref().map(|due| format!("due: {due}\n")).unwrap_or_default();
        let (labels, title, body) = (&self.labels, &self.title, &self.body);
        let mut all = format!(
            "<!-- {} -->\nstate: {state}\n{due}labels: {labels}\ntitle: {title}\n\n{body}\n",
            self.marker.as_str()
        );
        for (marker, text) in &self.comments {
            all.push_str(&format!("\n<!-- {} -->\n{text}\n", marker.as_str()));
        }
        all
    }

    fn read(text: &str) -> Option<Self> {
        let marker = Marker::in_markdown(text)?;
        let (head, rest) = text.split_once("\n\n").or_else(|| text.split_once("\r\n\r\n"))?;
        let value = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)).map(|v| v.trim().to_owned());
        let open = match value("state:")?.as_str() {
            "open" => true,
            "closed" => false,
            _ => return None,
        };
        let (mut body, mut comments): (Vec<&str>, Vec<(Marker, Vec<&str>)>) = (Vec::new(), Vec::new());
        for line in rest.lines() {
            match (line.starts_with(MARK).then(|| Marker::in_markdown(line)).flatten(), comments.last_mut()) {
                (Some(marker), _) => comments.push((marker, Vec::new())),
                (None, Some((_, lines))) => lines.push(line),
                (None, None) => body.push(line),
            }
        }
        let joined = |lines: Vec<&str>| lines.join("\n").trim_end().to_owned();
        let comments = comments.into_iter().map(|(marker, lines)| (marker, joined(lines))).collect();
        let (due, labels) = (value("due:"), value("labels:").unwrap_or_default());
        Some(Self {
            marker,
            open,
            due,
            labels,
            title: value("title:").unwrap_or_default(),
            body: joined(body),
            comments,
        })
    }
}

/// A text of which no line is taken for a marker's.
fn inert(text: &str) -> String {
    let line = |line: &str| if line.starts_with(MARK) { format!("\\{line}") } else { line.to_owned() };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn failed(error: &std::io::Error) -> TrackerError {
    TrackerError::Folder(system_words(error))
}

impl TaskSink for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> TaskFormat {
        TaskFormat::Markdown
    }

    fn find<'a>(&'a self, marker: &'a Marker, _since: i64) -> Pending<'a, Vec<Task>> {
        Box::pin(async move {
            let key = marker.case();
            match self.read(key)?.filter(|(page, _)| page.marker == *marker) {
                Some((page, at)) => Ok(vec![self.task(key, &page, at)?]),
                None => Ok(Vec::new()),
            }
        })
    }

    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task> {
        Box::pin(async move {
            let key = text.marker.case();
            if self.read(key)?.is_some() {
                return Err(TrackerError::Folder(format!("`{key}.md` is there already")));
            }
            self.put(key, &Page::new(text, true, Vec::new()), true)?;
            self.see(key).await?.ok_or(TrackerError::Gone)
        })
    }

    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>> {
        Box::pin(async move { self.read(key)?.map(|(page, at)| self.task(key, &page, at)).transpose() })
    }

    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()> {
        Box::pin(async move {
            if self.must_read(key)?.marker != text.marker {
                return Err(TrackerError::Folder(format!("`{key}.md` is another store's task")));
            }
            self.change(key, |page| {
                let mut new = Page::new(text, page.open, std::mem::take(&mut page.comments));
                // Labels that people wrote stay behind quell's own.
                for label in page.labels.split(", ").filter(|l| !l.is_empty()) {
                    if !new.labels.split(", ").any(|known| known == label) {
                        new.labels = format!("{}, {label}", new.labels);
                    }
                }
                *page = new;
            })
        })
    }

    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Comment>> {
        Box::pin(async move {
            let Some((page, at)) = self.read(key)?.filter(|(_, at)| *at >= since) else { return Ok(Vec::new()) };
            let comment = |(marker, text): (Marker, String)| {
                let account = Account { name: "file:quell".to_owned(), bot: true };
                Comment { id: marker.as_str().to_owned(), account, at, edited: false, own: true, text }
            };
            Ok(page.comments.into_iter().map(comment).collect())
        })
    }

    fn comment<'a>(&'a self, key: &'a str, body: &'a str, marker: &'a Marker) -> Pending<'a, String> {
        Box::pin(async move {
            self.change(key, |page| {
                if !page.comments.iter().any(|(known, _)| known == marker) {
                    page.comments.push((marker.clone(), inert(fitted(body, BODY))));
                }
            })?;
            Ok(marker.as_str().to_owned())
        })
    }

    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()> {
        Box::pin(async move { self.change(key, |page| page.open = open) })
    }

    fn changed(&self, since: i64) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            for entry in self.folder.read_dir().map_err(|e| failed(&e))?.flatten().take(FILES) {
                let name = entry.file_name();
                let key = name.to_str().and_then(|name| name.strip_suffix(".md"));
                // What is no task is somebody else's file, and stays.
                if let Some(key) = key.filter(|key| matches!(self.read(key), Ok(Some((_, at))) if at >= since)) {
                    keys.push(key.to_owned());
                }
            }
            keys.sort();
            Ok(keys)
        })
    }
}
