//! The search for windows with AVX2: eight at a time. The only unsafe code of the matcher.
//!
//! Audit: every load is checked against the slice it reads from before it is made; the gather's indices are
//! below the table's length because a hash of `b` bits is below 2^b, which is that length; the store is checked against the buffer. The same search in safe code is in `hits`.

use std::ops::Range;

/// Whether this processor has AVX2.
#[must_use]
pub(super) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Finds the windows at even places of `block[..len]` that pass `table` (a power of two words, as
/// `KeywordIndex::grams3`), as far as whole vectors reach. Returns how many it put into `places` (start of the range) and
/// how far it came (its end).
#[must_use]
pub(super) fn windows(table: &[u32], multiplier: u32, block: &[u8], len: usize, places: &mut [u16]) -> Range<usize> {
    #[cfg(target_arch = "x86_64")]
    if available() && table.len().is_power_of_two() && (2..=1 << 26).contains(&table.len()) {
        #[expect(unsafe_code, reason = "AVX2 was detected on the line above")]
        // SAFETY: the processor has the features that the function is compiled for, and the table's length is a
        // power of two as it requires.
        return unsafe { vectors::windows(table, multiplier, block, len, places) };
    }
    0..0
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64::*;
    use std::ops::Range;

    /// For each byte of a movemask, the positions of its set bits times two, one a byte.
    #[expect(clippy::indexing_slicing, reason = "computed at compile time, where a panic is an error")]
    static SPREAD: [u64; 256] = {
        let mut table = [0u64; 256];
        let mut mask = 0;
        while mask < 256 {
            let (mut bit, mut slot) = (0, 0);
            while bit < 8 {
                if mask >> bit & 1 == 1 {
                    table[mask] |= (bit as u64 * 2) << (8 * slot);
                    slot += 1;
                }
                bit += 1;
            }
            mask += 1;
        }
        table
    };

    /// # Safety
    /// The processor has AVX2 and POPCNT; `table.len()` is a power of two, at least 2 and at most 2^26.
    #[expect(unsafe_code, reason = "vector loads, a gather and a store, each checked as the module says")]
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn windows(
        table: &[u32],
        multiplier: u32,
        block: &[u8],
        len: usize,
        places: &mut [u16],
    ) -> Range<usize> {
        let hash = _mm256_set1_epi32(multiplier as i32);
        let (three, fold) = (_mm256_set1_epi32(0x00FF_FFFF), _mm256_set1_epi32(0x0020_2020));
        let low = _mm256_set1_epi32(31);
        let shift = _mm_cvtsi32_si128(32 - table.len().trailing_zeros() as i32);
        // For each of four windows, in both halves: the three bytes in its middle and above them the first...
        let middle = _mm256_setr_epi8(
            1, 2, 3, 0, 3, 4, 5, 2, 5, 6, 7, 4, 7, 8, 9, 6, //
            1, 2, 3, 0, 3, 4, 5, 2, 5, 6, 7, 4, 7, 8, 9, 6,
        );
        // ... and the fifth.
        let fifth = _mm256_setr_epi8(
            4, -1, -1, -1, 6, -1, -1, -1, 8, -1, -1, -1, 10, -1, -1, -1, //
            4, -1, -1, -1, 6, -1, -1, -1, 8, -1, -1, -1, 10, -1, -1, -1,
        );
        let (mut place, mut count) = (0usize, 0usize);
        // The second half reads bytes place+8 .. place+24; the store writes eight slots.
        while place + 16 <= len && place + 24 <= block.len() && count + 8 <= places.len() {
            // SAFETY: place + 24 <= block.len(), so both loads of 16 bytes are inside of it.
            let bytes = unsafe {
                let at = block.as_ptr().add(place);
                _mm256_inserti128_si256(
                    _mm256_castsi128_si256(_mm_loadu_si128(at.cast())),
                    _mm_loadu_si128(at.add(8).cast()),
                    1,
                )
            };
            let (four, last) = (_mm256_shuffle_epi8(bytes, middle), _mm256_shuffle_epi8(bytes, fifth));
            let grams = _mm256_or_si256(_mm256_and_si256(four, three), fold);
            let index = _mm256_srl_epi32(_mm256_mullo_epi32(grams, hash), shift);
            // SAFETY: index has 32 - shift = log2(table.len()) bits, so it is below table.len().
            let words = unsafe { _mm256_i32gather_epi32::<4>(table.as_ptr().cast(), index) };
            // Brings the bit of the first byte, and that of the fifth, to the sign: shift left by 31 - (byte & 31).
            let first = _mm256_sllv_epi32(words, _mm256_andnot_si256(_mm256_srli_epi32::<24>(four), low));
            let signs = _mm256_or_si256(first, _mm256_sllv_epi32(words, _mm256_andnot_si256(last, low)));
            let mask = _mm256_movemask_ps(_mm256_castsi256_ps(signs)) as usize & 255;
            #[expect(clippy::indexing_slicing, reason = "a movemask of eight lanes is below 256")]
            let offsets = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(SPREAD[mask & 255] as i64));
            let found = _mm_add_epi16(offsets, _mm_set1_epi16(place as i16));
            // SAFETY: count + 8 <= places.len(), so eight slots of two bytes can be written.
            unsafe { _mm_storeu_si128(places.as_mut_ptr().add(count).cast(), found) };
            count += mask.count_ones() as usize;
            place += 16;
        }
        count..place
    }
}
