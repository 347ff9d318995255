//! Chance that a seed chooses (splitmix64): the same seed, the same choices, on every machine.

/// A stream of choices.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A stream of its own, for another thread.
    pub const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "the remainder is below a usize")]
        {
            (self.next() % end as u64) as usize
        }
    }

    /// A number from `low` to `high`.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| &of[self.below(of.len())])
    }

    /// One of them, each as often as its weight says.
    ///
    /// # Panics
    /// When all weights are 0.
    pub fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> usize) -> &'a T {
        let mut at = self.below(of.iter().map(&weight).sum());
        for each in of {
            match at.checked_sub(weight(each)) {
                Some(rest) => at = rest,
                None => return each,
            }
        }
        unreachable!("the number is below the sum of the weights")
    }
}
