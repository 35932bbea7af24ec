//! Deltas: an object as copies from another one, and insertions.
//!
//! The format is git's (gitformat-pack, "Deltified representation"): two sizes in seven bits a byte, lowest first; then
//! instructions. A byte with the highest bit is a copy, whose lower bits say which bytes of offset (four) and length
//! (three) follow; a length of 0 means 64 KiB. Any other byte but 0 is the number of bytes to insert that follow.

use super::Copied;
use super::fault::Fault;

/// The length that a copy of length 0 stands for.
const IMPLIED: usize = 0x1_0000;

/// A delta: the sizes that it states, and its instructions, which are not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta<'a> {
    /// Size of the base.
    pub(super) base: u64,
    /// Size of the result.
    pub(super) result: u64,
    instructions: &'a [u8],
}

impl<'a> Delta<'a> {
    /// Reads the sizes. The caller decides whether it holds as much before anything is allocated.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (base, rest) = size(bytes)?;
        let (result, instructions) = size(rest)?;
        Ok(Self { base, result, instructions })
    }

    /// Makes the result in `out` and lists what was copied, contiguous copies merged. A fault leaves in `out` what came
    /// before it, never more than the stated size.
    pub(super) fn apply(&self, base: &[u8], out: &mut Vec<u8>, copies: &mut Vec<Copied>) -> Result<(), Fault> {
        out.clear();
        copies.clear();
        if base.len() as u64 != self.base {
            return Err(Fault::Corrupt("its delta is for a base of another size"));
        }
        let result = usize::try_from(self.result).map_err(|_| Fault::Corrupt("its delta states an impossible size"))?;
        out.try_reserve_exact(result).map_err(|_| Fault::TooLarge { size: self.result, most: 0 })?;
        let mut rest = self.instructions;
        while let Some((op, tail)) = rest.split_first() {
            let piece;
            if op & 0x80 != 0 {
                let (from, len, tail) = copy(*op, tail)?;
                let end = from.checked_add(len);
                piece = end.and_then(|end| base.get(from..end)).ok_or(OUTSIDE)?;
                add(copies, Copied { at: out.len(), from, len });
                rest = tail;
            } else {
                let len = usize::from(*op);
                if len == 0 {
                    return Err(Fault::Corrupt("its delta has an unknown instruction"));
                }
                (piece, rest) = tail.split_at_checked(len).ok_or(SHORT)?;
            }
            if piece.len() > result - out.len() {
                return Err(Fault::Corrupt("its delta makes more bytes than it states"));
            }
            out.extend_from_slice(piece);
        }
        if out.len() == result { Ok(()) } else { Err(Fault::Corrupt("its delta makes fewer bytes than it states")) }
    }
}

const SHORT: Fault = Fault::Corrupt("its delta ends within an instruction");
const OUTSIDE: Fault = Fault::Corrupt("its delta copies from beyond its base");

/// Adds a copy, or makes the last one longer where this one goes on where that ended.
fn add(copies: &mut Vec<Copied>, copy: Copied) {
    match copies.last_mut() {
        Some(last) if last.at + last.len == copy.at && last.from + last.len == copy.from => last.len += copy.len,
        _ => copies.push(copy),
    }
}

/// The operands of a copy: offset in the base, length, and what follows.
#[inline]
fn copy(op: u8, mut rest: &[u8]) -> Result<(usize, usize, &[u8]), Fault> {
    let mut operand = |bits: std::ops::Range<u32>| {
        let mut value = 0usize;
        for (place, bit) in bits.enumerate() {
            if op >> bit & 1 != 0 {
                let (byte, tail) = rest.split_first().ok_or(SHORT)?;
                value |= usize::from(*byte) << (8 * place);
                rest = tail;
            }
        }
        Ok::<_, Fault>(value)
    };
    let from = operand(0..4)?;
    let len = operand(4..7)?;
    Ok((from, if len == 0 { IMPLIED } else { len }, rest))
}

/// A size, seven bits a byte, the lowest first.
fn size(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let (mut value, mut shift, mut rest) = (0u64, 0u32, bytes);
    loop {
        let (byte, tail) = rest.split_first().ok_or(Fault::Corrupt("its delta ends within its sizes"))?;
        let bits = u64::from(byte & 0x7f);
        if shift > 63 || bits << shift >> shift != bits {
            return Err(Fault::Corrupt("its delta states an impossible size"));
        }
        value |= bits << shift;
        (shift, rest) = (shift + 7, tail);
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An instruction, as a test writes it.
    #[derive(Clone, Debug)]
    enum Step {
        Copy(usize, usize),
        Insert(Vec<u8>),
    }

    fn push_size(mut value: usize, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn encode(base: usize, result: usize, steps: &[Step]) -> Vec<u8> {
        let mut out = Vec::new();
        push_size(base, &mut out);
        push_size(result, &mut out);
        for step in steps {
            match step {
                Step::Copy(from, len) => {
                    let len = if *len == IMPLIED { 0 } else { *len };
                    let bytes = [&(*from as u32).to_le_bytes()[..], &(len as u32).to_le_bytes()[..3]].concat();
                    let op = bytes.iter().enumerate().fold(0x80u8, |op, (i, b)| op | u8::from(*b != 0) << i);
                    out.push(op);
                    out.extend(bytes.iter().filter(|b| **b != 0));
                }
                Step::Insert(bytes) => {
                    out.push(bytes.len() as u8);
                    out.extend_from_slice(bytes);
                }
            }
        }
        out
    }

    /// Byte by byte, with where each came from.
    fn naive(base: &[u8], steps: &[Step]) -> Vec<(u8, Option<usize>)> {
        let each = |step: &Step| match step {
            Step::Copy(from, len) => (*from..from + len).map(|i| (base[i], Some(i))).collect::<Vec<_>>(),
            Step::Insert(bytes) => bytes.iter().map(|b| (*b, None)).collect(),
        };
        steps.iter().flat_map(each).collect()
    }

    /// Steps over a base of a size, from numbers; contiguous copies and the implied length are among them.
    fn steps(base: usize, numbers: &[(usize, usize, bool)]) -> Vec<Step> {
        let mut end = 0;
        let step = |(a, b, goes_on): &(usize, usize, bool)| {
            let from = if *goes_on { end } else { a % base.max(1) };
            let len = if b % 7 == 0 { IMPLIED } else { 1 + b % 3000 };
            if a % 3 == 0 || from + len > base {
                return Step::Insert(vec![*a as u8; 1 + b % 127]);
            }
            end = from + len;
            Step::Copy(from, len)
        };
        numbers.iter().map(step).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn chains_of_deltas_are_what_a_naive_reader_makes(
            (len, seed) in (0..200_000usize, any::<usize>()),
            chain in prop::collection::vec(prop::collection::vec((any::<usize>(), any::<usize>(), any::<bool>()), 0..40), 1..6),
        ) {
            let mut base: Vec<u8> = (0..len).map(|i| (i.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
            let mut copies = Vec::new();
            for numbers in chain {
                let steps = steps(base.len(), &numbers);
                let wanted = naive(&base, &steps);
                let delta = encode(base.len(), wanted.len(), &steps);
                let delta = Delta::parse(&delta).unwrap();
                let mut out = Vec::new();
                delta.apply(&base, &mut out, &mut copies).unwrap();
                prop_assert!(out.iter().eq(wanted.iter().map(|(b, _)| b)));
                let mut origin = vec![None; out.len()];
                for pair in copies.windows(2) {
                    let (a, b) = (pair[0], pair[1]);
                    prop_assert!(a.at + a.len < b.at || a.at + a.len == b.at && a.from + a.len != b.from, "merged");
                }
                for copy in &copies {
                    (0..copy.len).for_each(|i| origin[copy.at + i] = Some(copy.from + i));
                }
                prop_assert!(origin.iter().eq(wanted.iter().map(|(_, from)| from)));
                base = out;
            }
        }

        #[test]
        fn any_bytes_are_taken_for_a_delta_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            base in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let (mut out, mut copies) = (Vec::new(), Vec::new());
            for sizes in [false, true] {
                let mut whole = Vec::new();
                if sizes {
                    push_size(base.len(), &mut whole);
                    push_size(300, &mut whole);
                }
                whole.extend_from_slice(&bytes);
                if let Ok(delta) = Delta::parse(&whole)
                    && delta.result < 1 << 20
                {
                    let applied = delta.apply(&base, &mut out, &mut copies);
                    prop_assert!(out.len() as u64 <= delta.result);
                    prop_assert!(applied.is_err() || out.len() as u64 == delta.result);
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for bytes in [&[0xff; 10][..], &[0x80; 12], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], &[]]
        {
            assert!(size(bytes).is_err(), "{bytes:?}");
        }
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(size(&most).unwrap().0, u64::MAX);
    }
}
