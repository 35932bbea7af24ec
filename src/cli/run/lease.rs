//! A lease that is renewed while its job is worked on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::super::config::Config;
use super::super::desk;
use super::Args;
use crate::ledger::{Job, LEASE};

/// Renews a lease on a thread of its own for as long as it lives.
pub(super) struct Renewing {
    end: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Renewing {
    pub(super) fn start(args: &Args, config: &Config, jobs: &[Job]) -> Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let other = desk::Bare::open(&args.common.desk, config)?;
        let (ended, mut jobs) = (Arc::clone(&end), jobs.to_vec());
        let thread = std::thread::spawn(move || {
            let mut ticks = 0;
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                ticks += 1;
                // Somebody else's by now: completing it will say so.
                if ticks % (LEASE * 10 / 3) == 0 {
                    jobs.retain_mut(|job| other.wait(other.store.renew(job)).is_ok());
                }
            }
        });
        Ok(Self { end, thread: Some(thread) })
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
