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
