//! Many ids in little memory.

use crate::model::ObjectId;

/// A set of ids of one length: their bytes, sorted, and where those of each first byte start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    width: usize,
    bytes: Vec<u8>,
    fan: Vec<u32>,
}

impl IdSet {
    /// Takes ids, in any order and more than once. Those of another length than the first are left out.
    #[must_use]
    pub fn new(mut ids: Vec<ObjectId>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        let width = ids.first().map_or(0, |id| id.as_bytes().len());
        let bytes = ids.iter().map(ObjectId::as_bytes).filter(|id| id.len() == width).flatten().copied().collect();
        Self::of(width, bytes)
    }

    /// Takes what [`Self::as_bytes`] gave, of ids of `width` bytes; `None` where it is not that.
    #[must_use]
    pub fn from_bytes(width: usize, bytes: Vec<u8>) -> Option<Self> {
        let is_whole = matches!(width, 20 | 32) && bytes.len().is_multiple_of(width);
        let is_sorted = || bytes.chunks(width).zip(bytes.chunks(width).skip(1)).all(|(a, b)| a < b);
        (bytes.is_empty() || is_whole && is_sorted()).then(|| Self::of(width, bytes))
    }

    fn of(width: usize, bytes: Vec<u8>) -> Self {
        let mut fan = vec![0; 257];
        for id in bytes.chunks(width.max(1)) {
            let after = id.first().map_or(0, |first| usize::from(*first) + 1);
            fan.get_mut(after).into_iter().for_each(|count| *count += 1);
        }
        let mut sum = 0;
        for count in &mut fan {
            sum += *count;
            *count = sum;
        }
        Self { width, bytes, fan }
    }

    /// The ids one after another, sorted.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = ObjectId> {
        self.bytes.chunks(self.width.max(1)).filter_map(ObjectId::new)
    }

    /// Whether an id is one of them.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        let wanted = id.as_bytes();
        let first = wanted.first().map_or(0, |first| usize::from(*first));
        let bound = |i: usize| self.fan.get(i).map_or(0, |at| *at as usize);
        let (mut low, mut high) = (bound(first), bound(first + 1));
        while low < high {
            let middle = low + (high - low) / 2;
            let at = middle * self.width;
            match self.bytes.get(at..at + self.width).map(|own| own.cmp(wanted)) {
                Some(std::cmp::Ordering::Less) => low = middle + 1,
                Some(std::cmp::Ordering::Equal) => return true,
                _ => high = middle,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let id = |n: u32| {
            let start = n.wrapping_mul(0x9e37_79b1).to_be_bytes();
            ObjectId::new(&[&start[..], &[7; 16]].concat()).unwrap()
        };
        let set = IdSet::new((0..1000).chain(500..600).map(|n| id(n * 2)).collect());
        assert_eq!(set.len(), 1000);
        assert!((0..2000).all(|n| set.contains(&id(n)) == (n % 2 == 0)));
        assert_eq!(set.iter().count(), 1000);
        assert_eq!(IdSet::from_bytes(20, set.as_bytes().to_vec()), Some(set.clone()));
        assert_eq!(IdSet::from_bytes(20, set.as_bytes()[1..].to_vec()), None, "not whole");
        let swapped = [&set.as_bytes()[20..40], &set.as_bytes()[..20]].concat();
        assert_eq!(IdSet::from_bytes(20, swapped), None, "not sorted");
        assert!(!IdSet::default().contains(&id(1)) && IdSet::new(Vec::new()).is_empty());
    }
}
