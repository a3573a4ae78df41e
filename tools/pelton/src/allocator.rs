//! The allocator of the binary.
//!
//! The broker's memory is bounded by its budgets and goes up and down within them many times a
//! second. An allocator that gives freed pages back to the kernel pays for each of them again, with
//! a page fault and a cleared page: on a virtual machine up to 2 s of CPU for a gigabyte.
#![allow(unsafe_code)]

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h, whose Rust declarations lack it.
const PURGE_DELAY: mi_option_t = 15;
/// "-1 for no purging at all."
const NEVER: c_long = -1;

/// From now on memory that is freed stays with the process.
pub fn keep_freed_memory() {
    // SAFETY: the option is one of mimalloc's, and may be set at any time.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}

#[cfg(test)]
mod tests {
    use std::ffi::{CStr, c_char, c_void};

    use super::*;

    type Print = unsafe extern "C" fn(*const c_char, *mut c_void);

    unsafe extern "C" {
        fn mi_options_print_out(print: Option<Print>, text: *mut c_void);
    }

    unsafe extern "C" fn append(message: *const c_char, text: *mut c_void) {
        // SAFETY: mimalloc gives a C string, and the test a string that outlives the call.
        let (message, text) = unsafe { (CStr::from_ptr(message), &mut *text.cast::<String>()) };
        text.push_str(&message.to_string_lossy());
    }

    #[test]
    fn the_number_is_that_of_the_option_which_is_meant() {
        keep_freed_memory();
        let mut text = String::new();
        // SAFETY: `append` takes what it is given here.
        unsafe { mi_options_print_out(Some(append), (&raw mut text).cast()) };
        assert!(text.contains("'purge_delay': -1"), "{text}");
    }
}
