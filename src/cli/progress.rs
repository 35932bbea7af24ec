//! How far a scan has come, on standard error and only on a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::model::counted;
use crate::scan::Progress;

/// A line that shows the progress until it is dropped.
pub(super) struct Line {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Starts the line; nothing is shown where standard error is no terminal, or in the first half second.
    pub(super) fn start(progress: &Arc<Progress>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if !std::io::stderr().is_terminal() {
            return Self { stop, thread: None };
        }
        let (ended, progress) = (Arc::clone(&stop), Arc::clone(progress));
        let thread = std::thread::spawn(move || show(&ended, &progress));
        Self { stop, thread: Some(thread) }
    }
}

fn show(ended: &AtomicBool, progress: &Progress) {
    std::thread::park_timeout(Duration::from_millis(500));
    if ended.load(Ordering::Acquire) {
        return;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    while !ended.load(Ordering::Acquire) {
        let (files, bytes) = (progress.files.load(Ordering::Relaxed), progress.bytes.load(Ordering::Relaxed));
        bar.set_message(format!("{}, {}", counted(files, "file", "files"), HumanBytes(bytes)));
        bar.tick();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
