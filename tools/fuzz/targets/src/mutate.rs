//! From sound bytes to nearly sound ones: what a parser has most to fear.

/// SplitMix64: from a seed to as many numbers as are wanted.
pub struct Random(pub u64);

impl Random {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Numbers that lengths and counts like to lie with.
const LIES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// No sample grows beyond this by splices.
const BYTES_MAX: usize = 256 << 10;

/// One to four changes of `sample`; `other` is what splices take from.
pub fn mutate(random: &mut Random, sample: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut bytes, other);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.extend((0..random.below(16)).map(|_| random.roll() as u8));
        return;
    }
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.roll() as u8,
        2 => bytes.truncate(at),
        3 | 4 => lie(random, &mut bytes[at..]),
        5 => {
            let to = at + random.below((bytes.len() - at).min(64) + 1);
            bytes.drain(at..to);
        }
        6 => {
            // A piece of its own or of another, put in or over.
            let from = if random.chance(2) { other.to_vec() } else { bytes.clone() };
            if from.is_empty() || bytes.len() > BYTES_MAX {
                return;
            }
            let begin = random.below(from.len());
            let end = begin + random.below((from.len() - begin).min(512) + 1);
            let over = if random.chance(2) { at } else { (at + end - begin).min(bytes.len()) };
            bytes.splice(at..over, from[begin..end].iter().copied());
        }
        _ => bytes.extend((0..random.below(32)).map(|_| random.roll() as u8)),
    }
}

/// Overwrites a number of 1 to 8 bytes, in either byte order, or a variable-length one.
fn lie(random: &mut Random, place: &mut [u8]) {
    let lie = LIES[random.below(LIES.len())];
    let width = [1, 2, 4, 8][random.below(4)].min(place.len());
    let place = &mut place[..width];
    match random.below(3) {
        0 => place.copy_from_slice(&lie.to_be_bytes()[8 - width..]),
        1 => place.copy_from_slice(&lie.to_le_bytes()[..width]),
        _ => {
            place.fill(0xff);
            place[width - 1] = 0x0f;
        }
    }
}
