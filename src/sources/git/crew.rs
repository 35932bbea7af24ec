//! Threads that share one heap of work: who has none waits, and who has much gives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A place to give and take work.
pub(super) struct Crew<T> {
    heap: Mutex<Heap<T>>,
    wake: Condvar,
    /// How many wait; read without the lock, as a hint.
    waiting: AtomicUsize,
}

struct Heap<T> {
    tasks: Vec<T>,
    threads: usize,
    waiting: usize,
}

impl<T> Crew<T> {
    pub(super) fn new(threads: usize) -> Self {
        let heap = Mutex::new(Heap { tasks: Vec::new(), threads, waiting: 0 });
        Self { heap, wake: Condvar::new(), waiting: AtomicUsize::new(0) }
    }

    /// Whether somebody waits for work.
    pub(super) fn is_hungry(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Gives work.
    pub(super) fn give(&self, task: T) {
        let mut heap = self.lock();
        heap.tasks.push(task);
        // One more is served: the givers need not all give to the same one.
        self.waiting.store(heap.waiting.saturating_sub(heap.tasks.len()), Ordering::Relaxed);
        drop(heap);
        self.wake.notify_one();
    }

    /// Takes work, and waits for it; `None` when all wait, as then there will be none.
    pub(super) fn take(&self) -> Option<T> {
        let mut heap = self.lock();
        loop {
            if let Some(task) = heap.tasks.pop() {
                return Some(task);
            }
            if heap.waiting + 1 >= heap.threads {
                // For good: the others find the heap empty and all waiting, too.
                heap.threads = 0;
                drop(heap);
                self.wake.notify_all();
                return None;
            }
            heap.waiting += 1;
            self.waiting.store(heap.waiting, Ordering::Relaxed);
            heap = self.wake.wait(heap).unwrap_or_else(PoisonError::into_inner);
            heap.waiting -= 1;
            self.waiting.store(heap.waiting.saturating_sub(heap.tasks.len()), Ordering::Relaxed);
        }
    }

    /// One thread less: it failed.
    pub(super) fn leave(&self) {
        let mut heap = self.lock();
        heap.threads = heap.threads.saturating_sub(1);
        drop(heap);
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Heap<T>> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
