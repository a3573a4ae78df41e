//! The batches of a `.log`, one after the other, whatever its index says.

use std::io;
use std::ops::ControlFlow;

use pelton_model::batch::BatchHeader;
use pelton_model::limits::IO_BYTES_MAX;

use crate::disk::File;

/// A batch as it lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenBatch {
    pub position: u64,
    pub header: BatchHeader,
    /// Of the batch's own CRC, which leaves its first 21 bytes uncovered.
    pub is_crc_right: bool,
}

impl SeenBatch {
    pub fn end(&self) -> u64 {
        self.position + self.header.total_bytes() as u64
    }
}

/// Shows the batches of the first `end` bytes of a `.log`. Returns where the last whole one ends:
/// short of `end` there are bytes that are no batch, such as the zeros that a file is allocated
/// with.
pub async fn each_batch(
    file: &File,
    end: u64,
    mut look: impl FnMut(&SeenBatch),
) -> io::Result<u64> {
    let end = end.min(file.bytes()?);
    let mut position = 0;
    while end - position >= BatchHeader::BYTES as u64 {
        let Ok(header) = BatchHeader::read(&file.read_at(position, BatchHeader::BYTES).await?)
        else {
            break;
        };
        let next = position + header.total_bytes() as u64;
        if header.total_bytes() < BatchHeader::BYTES || next > end {
            break;
        }
        let crc = crc_of(file, position + BatchHeader::CRC_END as u64, next).await?;
        look(&SeenBatch { position, header, is_crc_right: crc == header.crc });
        position = next;
    }
    Ok(position)
}

/// Whether all bytes of a file from there on are zeros, as those are that a file is allocated with.
pub async fn is_unwritten(file: &File, from: u64) -> io::Result<bool> {
    let is_zero =
        each_piece(file, from, file.bytes()?, |bytes| match bytes.iter().all(|byte| *byte == 0) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        });
    Ok(is_zero.await?.is_continue())
}

async fn crc_of(file: &File, from: u64, to: u64) -> io::Result<u32> {
    let mut crc = 0;
    let add = |bytes: &[u8]| {
        crc = crc32c::crc32c_append(crc, bytes);
        ControlFlow::Continue(())
    };
    each_piece(file, from, to, add).await.map(|_| crc)
}

/// Shows a part of a file, piece by piece, until it has been seen or a look is enough.
async fn each_piece(
    file: &File,
    from: u64,
    to: u64,
    mut look: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut at = from;
    while at < to {
        let bytes = (to - at).min(IO_BYTES_MAX as u64) as usize;
        let look = look(&file.read_at(at, bytes).await?);
        if look.is_break() {
            return Ok(look);
        }
        at += bytes as u64;
    }
    Ok(ControlFlow::Continue(()))
}
