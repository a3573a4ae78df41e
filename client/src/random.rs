//! The one place of this crate that rolls dice. Pure parts take the result as an argument.

/// At least 0 and less than 1.
pub(crate) fn chance() -> f64 {
    fastrand::f64()
}

/// Any number.
pub(crate) fn number() -> u64 {
    fastrand::u64(..)
}
