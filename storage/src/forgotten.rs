//! Directories of topics that are no more.

use std::io;
use std::path::{Path, PathBuf};

use pelton_model::TopicId;

use crate::disk::Disk;
use crate::segment::topics_dir;

/// Removes what is in `<data_dir>/topics` of topics that `exists` does not know, and returns of how many
/// that was. A removal leaves it whose files could not be removed, or of which a power cut took back
/// that they had been.
///
/// A broker does it at its start when every shard has opened its [`Store`](crate::Store), which may
/// still have to replay what it knows of such a topic, and before anybody can make a new one. What
/// cannot be removed is said in the log, and stays for the next start.
pub async fn remove_forgotten_topics(
    disk: &Disk,
    data_dir: &Path,
    exists: impl Fn(TopicId) -> bool,
) -> io::Result<usize> {
    let mut removed = 0;
    for (topic, dir) in topic_dirs(disk, data_dir).await? {
        if exists(topic) {
            continue;
        }
        match disk.remove_dir_all(&dir).await {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(%topic, %error,
                "the files of a deleted topic could not be removed"),
        }
    }
    Ok(removed)
}

/// The topics that have a directory in `<data_dir>/topics`.
pub async fn topic_dirs(disk: &Disk, data_dir: &Path) -> io::Result<Vec<(TopicId, PathBuf)>> {
    let root = topics_dir(data_dir);
    let dirs = disk.dirs_in(&root).await?;
    // Whatever has another name is not ours.
    let topics = dirs.iter().filter_map(|name| Some((TopicId::parse(name)?, root.join(name))));
    Ok(topics.collect())
}
