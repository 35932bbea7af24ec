//! Shannon entropy of short byte strings, by table.

/// `n · log2(n)` in 1/1024 bits, for n up to 255.
static N_LOG_N: [u32; 256] = table();

#[expect(clippy::indexing_slicing, reason = "computed at compile time, where a panic is an error")]
const fn table() -> [u32; 256] {
    let mut out = [0u32; 256];
    let mut n = 1usize;
    while n < 256 {
        out[n] = (n as u32) * log2_1024(n as u32);
        n += 1;
    }
    out
}

/// log2(n) in 1/1024, by squaring (Knuth, The Art of Computer Programming 1, 1.2.2, exercise 25).
const fn log2_1024(n: u32) -> u32 {
    let whole = n.ilog2();
    let mut x = ((n as u64) << 32) >> whole;
    let (mut out, mut bit) = (whole << 10, 512u32);
    while bit > 0 {
        x = (x >> 16) * (x >> 16);
        if x >= 2 << 32 {
            x >>= 1;
            out += bit;
        }
        bit >>= 1;
    }
    out
}

/// Shannon entropy in hundredths of a bit per byte: `log2 N − Σ n·log2 n / N` over the counts n of N bytes.
/// Only the first 255 bytes count.
#[must_use]
pub fn hundredths(bytes: &[u8]) -> u32 {
    let bytes = bytes.get(..bytes.len().min(255)).unwrap_or_default();
    let mut counts = [0u8; 256];
    for count in bytes.iter().map(|b| usize::from(*b)) {
        if let Some(slot) = counts.get_mut(count) {
            *slot += 1;
        }
    }
    let total = bytes.len() as u32;
    if total == 0 {
        return 0;
    }
    let of = |n: u32| N_LOG_N.get(n as usize).copied().unwrap_or(0);
    let sum: u32 = counts.iter().map(|n| of(u32::from(*n))).sum();
    (of(total) - sum) * 100 / (total << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_equals_the_formula() {
        assert_eq!(
            (hundredths(b""), hundredths(b"aaaa"), hundredths(b"abcd"), hundredths(b"0123456789abcdef")),
            (0, 0, 200, 400)
        );
        for text in ["hunter2", "the quick brown fox", "9f86d081884c7d659a2feaa0c55ad015"] {
            let n = text.len() as f64;
            let counts = (0..=255u8).map(|b| text.bytes().filter(|c| *c == b).count() as f64).filter(|c| *c > 0.0);
            let exact: f64 = counts.map(|c| -(c / n) * (c / n).log2()).sum();
            assert!((f64::from(hundredths(text.as_bytes())) / 100.0 - exact).abs() < 0.02, "{text}");
        }
    }
}
