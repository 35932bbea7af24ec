//! The same, done to each of a list, on as many threads as the machine has.

/// Below so many a thread, starting it costs more than it saves.
const LEAST: usize = 32;

/// What comes of each item, in their order. A panic goes on in the caller.
pub(super) fn map<T: Sync, R: Send>(items: &[T], each: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = items.len().div_ceil(threads).max(LEAST);
    let each = &each;
    let part = move |start: usize, part: &[T]| -> Vec<R> {
        part.iter().enumerate().map(|(place, item)| each(start + place, item)).collect()
    };
    if items.len() <= size {
        return part(0, items);
    }
    let done = std::thread::scope(|scope| {
        let parts = items.chunks(size).enumerate();
        let running: Vec<_> = parts.map(|(n, items)| scope.spawn(move || part(n * size, items))).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    done.into_iter().flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_and_in_order() {
        for many in [0, 1, LEAST, LEAST + 1, 1000] {
            let items: Vec<usize> = (0..many).collect();
            let made = map(&items, |place, item| (place, item * 2));
            assert_eq!(made, items.iter().map(|item| (*item, item * 2)).collect::<Vec<_>>());
        }
    }
}
