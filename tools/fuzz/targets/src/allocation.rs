//! Counts what one thread holds of the heap.
//!
//! What C libraries take by themselves (zstd, libdeflate) is not seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Make it the global allocator.
pub struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// What `work` returns, and the most that this thread held more than before while it ran.
pub fn peak_bytes_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let outcome = work();
    (outcome, PEAK.get().saturating_sub(before))
}

fn count(taken: usize, given_back: usize) {
    // Fails only while the thread ends. A block may come from another thread.
    let _ = LIVE.try_with(|live| {
        live.set((live.get() + taken).saturating_sub(given_back));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it is; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // It may be moved, and then both are there for a moment.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}
