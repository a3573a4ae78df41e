//! Directories whose names outlive a power cut.

use std::io;
use std::path::Path;

use crate::disk::Disk;

/// Creates `path`, whose last `levels` components may be new, and makes their names durable.
pub(crate) async fn create_dir_durably(disk: &Disk, path: &Path, levels: usize) -> io::Result<()> {
    disk.create_dir_all(path).await?;
    for above in path.ancestors().skip(1).take(levels) {
        disk.sync_dir(above).await?;
    }
    Ok(())
}
