//! S2: no offset that a client was told, or could have read, is given twice. Also of partitions
//! that are gone by now.

use crate::history::History;

pub fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, places) in history.places() {
        let mut places = places.iter().peekable();
        while let Some((offset, record)) = places.next() {
            if let Some((next, other)) = places.peek()
                && next == offset
            {
                broken.push(format!("{offset} of {partition:?}: {record:?} and {other:?}"));
            }
        }
    }
    broken
}
