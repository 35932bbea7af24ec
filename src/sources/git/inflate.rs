//! Inflating what the target says is a zlib stream, into as much memory as the caller allows.

use gix_zlib::{Decompress, FlushDecompress, Inflate, Status};

use super::fault::Fault;

const BROKEN: Fault = Fault::Corrupt("its zlib stream is broken");
const LONGER: Fault = Fault::Corrupt("it has more bytes than it states");
const SHORTER: Fault = Fault::Corrupt("it has fewer bytes than it states");

/// Inflates whole streams, one after the other, with one state.
#[derive(Default)]
pub(super) struct Inflater {
    state: Inflate,
}

impl Inflater {
    /// Inflates a stream of exactly `size` bytes into the front of `out`, which grows to a byte more: that byte shows a
    /// stream that has more than it states. The checksum of the stream is compared. `None` where the input ends too early.
    pub(super) fn whole(&mut self, input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<Option<()>, Fault> {
        if out.len() <= size {
            out.try_reserve_exact(size + 1 - out.len()).map_err(|_| Fault::TooLarge { size: size as u64, most: 0 })?;
            out.resize(size + 1, 0);
        }
        let space = out.get_mut(..=size).unwrap_or_default();
        self.state.reset();
        let (status, _, written) = self.state.once(input, space).map_err(|_| BROKEN)?;
        match status {
            Status::StreamEnd if written == size => Ok(Some(())),
            Status::StreamEnd => Err(SHORTER),
            _ if written > size => Err(LONGER),
            _ => Ok(None),
        }
    }
}

/// A stream that is inflated as it is read; its input comes from `more`, which appends the next bytes or none at the
/// end.
pub(super) struct Stream<F> {
    state: Decompress,
    more: F,
    input: Vec<u8>,
    used: usize,
    left: u64,
    ended: bool,
    fault: Option<Fault>,
}

impl<F: FnMut(&mut Vec<u8>) -> Result<(), Fault>> Stream<F> {
    /// A stream that states `size` bytes, with the first bytes of its input.
    pub(super) fn new(size: u64, input: Vec<u8>, more: F) -> Self {
        Self { state: Decompress::new(), more, input, used: 0, left: size, ended: false, fault: None }
    }

    /// Sets what is left to be read, where the stream itself told.
    pub(super) fn expect(&mut self, size: u64) {
        self.left = size;
    }

    /// What went wrong, once it was read to its end.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Reads as much as there is, at most `out`; 0 only at the end.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let outcome = self.step(out);
        if let Err(fault) = &outcome {
            self.fault = Some(fault.clone());
        }
        outcome
    }

    fn step(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        while !self.ended && !out.is_empty() {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = self.input.get(self.used..).unwrap_or_default();
            let status = self.state.decompress(input, out, FlushDecompress::None).map_err(|_| BROKEN)?;
            let (read, made) = (self.state.total_in() - before_in, self.state.total_out() - before_out);
            self.used += usize::try_from(read).unwrap_or(usize::MAX);
            self.left = self.left.checked_sub(made).ok_or(LONGER)?;
            if status == Status::StreamEnd {
                self.ended = true;
            }
            if made > 0 {
                return usize::try_from(made).map_err(|_| BROKEN);
            }
            if !self.ended && self.used >= self.input.len() {
                self.input.clear();
                self.used = 0;
                (self.more)(&mut self.input)?;
                if self.input.is_empty() {
                    return Err(Fault::Truncated);
                }
            } else if !self.ended && read == 0 {
                return Err(BROKEN);
            }
        }
        if self.ended && self.left != 0 && !out.is_empty() { Err(SHORTER) } else { Ok(0) }
    }

    /// Reads it to its end into `out`, in steps, so that no more is allocated than there is.
    pub(super) fn into_vec(mut self, size: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        const STEP: usize = 1 << 20;
        out.clear();
        loop {
            let at = out.len();
            // A byte more than is stated: reading it finds the end of the stream, or what should not be there.
            let wanted = (size - at.min(size) + 1).min(STEP);
            out.try_reserve(wanted).map_err(|_| Fault::TooLarge { size: size as u64, most: 0 })?;
            out.resize(at + wanted, 0);
            let n = self.fill(out.get_mut(at..).unwrap_or_default())?;
            out.truncate(at + n);
            if n == 0 {
                return Ok(());
            }
        }
    }
}

impl<F: FnMut(&mut Vec<u8>) -> Result<(), Fault>> std::io::Read for Stream<F> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.fill(out).map_err(|fault| std::io::Error::new(std::io::ErrorKind::InvalidData, fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello hello` as a zlib stream, deflated.
    const HELLO: [u8; 16] =
        [0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x00, 0x91, 0x00, 0x19, 0x91, 0x04, 0x49];

    #[test]
    fn a_stream_has_exactly_what_it_states() {
        let (mut inflater, mut out) = (Inflater::default(), vec![7; 40]);
        for (size, good) in [(11, true), (10, false), (12, false), (0, false), (11, true)] {
            let done = inflater.whole(&HELLO, size, &mut out);
            assert_eq!(matches!(done, Ok(Some(()))), good, "{size}");
            let mut streamed = Vec::new();
            let mut input = HELLO.into_iter();
            let stream = Stream::new(size as u64, Vec::new(), |more: &mut Vec<u8>| {
                more.extend(input.next());
                Ok(())
            });
            assert_eq!(stream.into_vec(size, &mut streamed).is_ok(), good, "{size}");
            if good {
                assert_eq!((&out[..size], streamed.as_slice()), (&b"hello hello"[..], &b"hello hello"[..]));
            }
        }
    }

    #[test]
    fn a_stream_that_ends_too_early_or_has_another_checksum_is_none() {
        let (mut inflater, mut out) = (Inflater::default(), Vec::new());
        for len in 0..HELLO.len() {
            assert!(!matches!(inflater.whole(&HELLO[..len], 11, &mut out), Ok(Some(()))), "{len}");
        }
        let mut wrong = HELLO;
        wrong[15] ^= 1;
        assert!(inflater.whole(&wrong, 11, &mut out).is_err());
    }
}
