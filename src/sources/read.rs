//! Reads a file or stream into one buffer that is used again, and yields it in parts.
//!
//! Files are read, never mapped: a mapped file that shrinks kills the process. A file of up to a mebibyte is one
//! part. A larger one is read in mebibytes; each part carries the end of the one before and the start of the next, so
//! that every match is decided in one of them and memory stays bounded.

use std::fs::File;
use std::io::{self, Read};

use super::encoding::Encoding;

/// Owned bytes in a part of a large file.
const PART: usize = 1 << 20;

/// A stretch of a file.
#[derive(Debug)]
pub struct Part<'a> {
    /// The bytes: owned ones, with context on both sides where the file has it.
    pub bytes: &'a [u8],
    /// Offset in the file of the first of `bytes`.
    pub offset: u64,
    /// First owned byte.
    pub from: usize,
    /// First byte that belongs to the next part.
    pub to: usize,
    /// How the file is encoded.
    pub encoding: Encoding,
    /// Whether this part is the whole file.
    pub whole: bool,
    /// Bytes that belong to this part, follow its owned ones and were not read: zeros, as all of `bytes` is.
    pub hole: u64,
}

/// Where bytes come from.
pub trait Source: Read {
    /// Goes over zeros that the system knows of without reading them, and returns how many, a multiple of four. A sparse
    /// file claims any size at no cost.
    fn skip_hole(&mut self) -> u64 {
        0
    }
}

impl Source for &[u8] {}

impl Source for Box<dyn Read + Send> {}

impl Source for File {
    fn skip_hole(&mut self) -> u64 {
        skip_hole(self).unwrap_or(0)
    }
}

/// Sets a file to the last multiple of four bytes before its next data, or its end.
#[cfg(target_os = "linux")]
fn skip_hole(file: &File) -> rustix::io::Result<u64> {
    use rustix::fs::{SeekFrom, fstat, seek};
    let here = seek(file, SeekFrom::Current(0))?;
    let data = match seek(file, SeekFrom::Data(here)) {
        // No data is left.
        Err(rustix::io::Errno::NXIO) => u64::try_from(fstat(file)?.st_size).unwrap_or(here),
        other => other?,
    };
    let hole = data.saturating_sub(here) / 4 * 4;
    seek(file, SeekFrom::Start(here + hole))?;
    Ok(hole)
}

#[cfg(not(target_os = "linux"))]
fn skip_hole(_: &File) -> rustix::io::Result<u64> {
    Ok(0)
}

/// A buffer for one thread, and how much context parts carry.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    back: usize,
    ahead: usize,
}

/// How many units of context a part carries before and after its owned bytes.
#[derive(Clone, Copy, Debug)]
pub struct Margins {
    /// Before.
    pub back: usize,
    /// After.
    pub ahead: usize,
}

impl Reader {
    /// An empty buffer; it grows to what the files need, at most about a mebibyte and the margins.
    #[must_use]
    pub fn new(margins: Margins) -> Self {
        Self { buffer: Vec::new(), back: margins.back, ahead: margins.ahead }
    }

    /// Reads `source` to its end and calls `each` for every part. `size` is what a file is said to have; `None` for a
    /// stream. Returns the number of bytes read.
    ///
    /// # Errors
    /// The source's; the parts before it were yielded.
    pub fn read(
        &mut self,
        source: &mut impl Source,
        size: Option<u64>,
        mut each: impl FnMut(Part<'_>),
    ) -> io::Result<u64> {
        let (mut filled, mut total) = (0usize, 0u64);
        // A byte more than the file has: one read then finds its end.
        let first = size.map_or(PART, |s| usize::try_from(s).unwrap_or(usize::MAX).saturating_add(1).min(PART));
        let mut ended = self.fill(source, size, &mut total, &mut filled, first)?;
        let encoding = Encoding::detect(self.buffer.get(..filled).unwrap_or_default());
        let (back, ahead) = (self.back * encoding.width(), self.ahead * encoding.width());
        let (mut offset, mut from, mut whole) = (0u64, 0usize, true);
        loop {
            if !ended {
                ended = self.fill(source, size, &mut total, &mut filled, back + PART + ahead)?;
            }
            whole &= ended;
            // Cuts stand at whole units.
            let to = if ended { filled } else { filled.saturating_sub(ahead) / 4 * 4 };
            let bytes = self.buffer.get(..filled).unwrap_or_default();
            // What is kept for the next part is zeros too, so that it may as well be the end of the hole.
            let hole = if !ended && is_zero(bytes) { source.skip_hole() } else { 0 };
            each(Part { bytes, offset, from, to, encoding, whole, hole });
            if ended {
                return Ok(offset + filled as u64);
            }
            let keep = to.saturating_sub(back) / 4 * 4;
            self.buffer.copy_within(keep..filled, 0);
            (offset, from, filled, total) = (offset + hole + keep as u64, to - keep, filled - keep, total + hole);
        }
    }

    /// Reads until the buffer has `limit` bytes or the source ends; says whether it ended.
    fn fill(
        &mut self,
        source: &mut impl Read,
        size: Option<u64>,
        total: &mut u64,
        filled: &mut usize,
        limit: usize,
    ) -> io::Result<bool> {
        if self.buffer.len() < limit {
            self.buffer.resize(limit, 0);
        }
        while *filled < limit {
            let Some(space) = self.buffer.get_mut(*filled..limit) else { break };
            let wanted = space.len();
            match source.read(space) {
                Ok(0) => return Ok(true),
                Ok(n) => {
                    *filled += n;
                    *total += n as u64;
                    // All that the file has: it need not be asked whether there is more. Files that a kernel makes
                    // up as they are read have another size than they say, and are read to their end.
                    if n < wanted && size == Some(*total) {
                        return Ok(true);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }
}

/// Whether there are zeros alone. Comparing them with themselves, a byte on, is as fast as memory.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0) && bytes.get(1..) == bytes.get(..bytes.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields a few bytes at a time, as a pipe does.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(out.len()).min(70_001);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    impl Source for Drip<'_> {}

    fn owned(data: &[u8], size: Option<u64>) -> (Vec<u8>, usize) {
        let mut reader = Reader::new(Margins { back: 100, ahead: 5000 });
        let (mut all, mut parts) = (Vec::new(), 0);
        let read = reader.read(&mut Drip(data), size, |part| {
            parts += 1;
            assert_eq!(part.offset + part.from as u64, all.len() as u64);
            assert!(part.offset == 0 || part.from >= 100, "every later part has its context before");
            assert_eq!(part.bytes, &data[part.offset as usize..][..part.bytes.len()]);
            all.extend_from_slice(&part.bytes[part.from..part.to]);
        });
        assert_eq!(read.unwrap(), data.len() as u64);
        (all, parts)
    }

    #[test]
    fn holes_are_counted_and_not_read() {
        use std::io::{Seek, SeekFrom, Write};
        let mut file = tempfile::tempfile().unwrap();
        let size = (1u64 << 40) + 3;
        // Data at the start, in the middle, at no multiple of anything, and a hole at the end.
        for at in [0, (1 << 39) + 4097] {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(b"data").unwrap();
        }
        file.set_len(size).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let (mut next, mut seen, mut parts) = (0, Vec::new(), 0);
        let read = Reader::new(Margins { back: 100, ahead: 5000 }).read(&mut file, Some(size), |part| {
            parts += 1;
            assert_eq!(part.offset + part.from as u64, next, "each byte belongs to one part");
            next = part.offset + part.to as u64 + part.hole;
            let owned = &part.bytes[part.from..part.to];
            let data = |(i, w): (usize, &[u8])| (w == b"data").then_some(part.offset + (part.from + i) as u64);
            seen.extend(owned.windows(4).enumerate().filter_map(data));
        });
        assert_eq!((read.unwrap(), next), (size, size));
        assert_eq!(seen, [0, (1 << 39) + 4097]);
        assert!(cfg!(not(target_os = "linux")) || parts < 20, "{parts}");
    }

    #[test]
    fn the_owned_parts_are_the_file_each_byte_once() {
        for len in [0usize, 1, 4095, PART - 1, PART, PART + 1, PART + 5200, 3 * PART + 17] {
            let data: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8 + 1).collect();
            // A file that says another size than it has is read to its end like any other.
            for size in [None, Some(len as u64), Some(0)] {
                let (all, parts) = owned(&data, size);
                assert!(all == data, "{len} {size:?}");
                assert!(parts <= len / PART + 2);
            }
        }
    }
}
