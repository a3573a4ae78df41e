//! The disk of a broker: glommio's direct I/O on io_uring.
//!
//! glommio 0.9 has sharp edges; each is dulled here:
//! - Every operation runs in a task of its own that a dropped future does not cancel, and passes
//!   two gates, its file's and the disk's: a descriptor is closed, and an executor left, only when
//!   nothing is in flight. glommio frees buffers at exit that the kernel still uses, and closes a
//!   merely dropped file some turns later, when the number may already be another file's.
//! - The first file that a thread opens decides whether glommio polls for completions; with an
//!   empty one it decides wrongly, spins, and every read fails. So [`GlommioDisk::start`] opens a
//!   probe file with a really written block.
//! - `DmaFile::open` calls `statfs` on the path and unwraps: [`PathLocks`].
//! - `DmaFile::read_at` returns garbage at the end of a file: reads are aligned, and trimmed here.
//! - The alignment that it takes from sysfs may be 512: ours is [`BLOCK_BYTES`].
//! - `file_size` goes by path: [`sys::file_bytes`].
//! - Buffers come from the heap, not from the ring's registered memory, which reads need.

mod read_memory;

use std::cell::RefCell;
use std::fs;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ::glommio::GlommioError;
use ::glommio::io::{DmaBuffer, DmaFile, OpenOptions, ReadResult};
use ::glommio::sync::{Gate, Pass};
use bytes::{Bytes, BytesMut};
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{self, StreamExt};
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use self::read_memory::Home;
use super::buffer::BufferPool;
use super::io_times::{FileClass, IoTimes};
use super::path_locks::PathLocks;
use super::{
    BufferMemory, DirEntry, Disk, DiskBackend, FileBackend, IoBuf, OpenMode, Space, closed,
    invalid_input, list_entries, past_the_end, sys,
};

/// Free buffers that are kept: 8 MiB in flight saturate a disk, and as much may be being filled.
const POOL_BYTES_MAX: usize = 16 << 20;

/// Pieces of one large write or read that are in flight at once: 4 MiB, half of what a core may
/// have in flight.
const PIECES_IN_FLIGHT_MAX: usize = 4;

/// Not zero, so that a hole is not taken for a probe that was written.
const PROBE_BYTE: u8 = 0xA5;

const _: () = assert!(IO_BYTES_MAX.is_multiple_of(BLOCK_BYTES));

/// The glommio backend; one per executor, used on its thread only.
pub struct GlommioDisk {
    gate: Gate,
    path_locks: Rc<PathLocks>,
    pool: Pool,
    home: Home,
    times: Times,
}

type Times = Rc<RefCell<IoTimes>>;
type Pool = Rc<RefCell<BufferPool<Rc<DmaBuffer>>>>;

impl GlommioDisk {
    /// Makes the disk of the calling executor. Call it before the executor opens any other file.
    ///
    /// Creates `data_dir` if need be and keeps a 4 KiB file `probe.<shard>` in it: kept, so that a
    /// start needs no room on a full disk. Blocks a helper thread, not the executor.
    pub async fn start(data_dir: &Path, shard: u16) -> io::Result<Disk> {
        if !data_dir.is_absolute() {
            return Err(invalid_input("a data directory that is not absolute"));
        }
        let probe = data_dir.join(format!("probe.{shard}"));
        blocking({
            let (data_dir, probe) = (data_dir.to_path_buf(), probe.clone());
            move || {
                fs::create_dir_all(data_dir)?;
                prepare_probe(&probe)
            }
        })
        .await?;
        let file = open_direct(&probe, OpenMode::default()).await?;
        let content = file.read_at_aligned(0, BLOCK_BYTES).await.map_err(io_error);
        file.close().await.map_err(io_error)?;
        if content?.iter().filter(|byte| **byte == PROBE_BYTE).count() != BLOCK_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} does not read back as written", probe.display()),
            ));
        }
        Ok(Disk::new(Self {
            gate: Gate::new(),
            path_locks: Rc::default(),
            pool: Rc::new(RefCell::new(BufferPool::new(POOL_BYTES_MAX))),
            home: Home::here(),
            times: Rc::default(),
        }))
    }

    /// Runs blocking calls that change or need the names `paths`.
    fn with_names<T: Send + 'static>(
        &self,
        paths: &[&Path],
        call: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> LocalBoxFuture<'static, io::Result<T>> {
        let locks = Rc::clone(&self.path_locks);
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        run(self.gate.enter(), async move {
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let _lock = locks.lock(&paths).await;
            blocking(call).await
        })
    }
}

impl DiskBackend for GlommioDisk {
    fn open<'a>(
        &'a self,
        path: &'a Path,
        mode: OpenMode,
    ) -> LocalBoxFuture<'a, io::Result<Box<dyn FileBackend>>> {
        let locks = Rc::clone(&self.path_locks);
        let (gate, pool, home) = (self.gate.clone(), Rc::clone(&self.pool), self.home.clone());
        let (class, times) = (FileClass::of(path), Rc::clone(&self.times));
        let path = path.to_path_buf();
        run(self.gate.enter(), async move {
            let _lock = locks.lock(&[&path]).await;
            let file = RefCell::new(Some(Rc::new(open_direct(&path, mode).await?)));
            let (disk_gate, gate) = (gate, Gate::new());
            let file = GlommioFile { file, gate, disk_gate, pool, home, class, times };
            Ok(Box::new(file) as Box<dyn FileBackend>)
        })
    }

    fn create_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let path = path.to_path_buf();
        run(self.gate.enter(), blocking(move || fs::create_dir_all(path)))
    }

    fn sync_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let path = path.to_path_buf();
        run(self.gate.enter(), blocking(move || fs::File::open(path)?.sync_all()))
    }

    fn remove_file<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let owned = path.to_path_buf();
        self.with_names(&[path], move || fs::remove_file(owned))
    }

    fn remove_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let owned = path.to_path_buf();
        self.with_names(&[path], move || fs::remove_dir(owned))
    }

    fn remove_dir_all<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let owned = path.to_path_buf();
        self.with_names(&[path], move || fs::remove_dir_all(owned))
    }

    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> LocalBoxFuture<'a, io::Result<()>> {
        let owned = (from.to_path_buf(), to.to_path_buf());
        self.with_names(&[from, to], move || fs::rename(owned.0, owned.1))
    }

    fn list_dir<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Vec<DirEntry>>> {
        let path = path.to_path_buf();
        run(self.gate.enter(), blocking(move || list_entries(&path)))
    }

    fn space<'a>(&'a self, path: &'a Path) -> LocalBoxFuture<'a, io::Result<Space>> {
        let path = path.to_path_buf();
        run(self.gate.enter(), blocking(move || sys::path_space(&path)))
    }

    fn allocate_buffer(&self, bytes: usize) -> IoBuf {
        IoBuf::new(PooledMemory::take(&self.pool, bytes))
    }

    fn shut_down(&self) -> LocalBoxFuture<'_, ()> {
        close_gate(self.gate.clone()).boxed_local()
    }

    fn io_times(&self) -> IoTimes {
        *self.times.borrow()
    }
}

struct GlommioFile {
    /// `None` once closed.
    file: RefCell<Option<Rc<DmaFile>>>,
    gate: Gate,
    disk_gate: Gate,
    pool: Pool,
    home: Home,
    class: FileClass,
    times: Times,
}

impl GlommioFile {
    /// Runs an operation to its end, whatever becomes of the returned future.
    fn operate<T: 'static, F>(
        &self,
        operation: impl FnOnce(Rc<DmaFile>) -> F,
    ) -> LocalBoxFuture<'static, io::Result<T>>
    where
        F: Future<Output = io::Result<T>> + 'static,
    {
        let Some(file) = self.file.borrow().clone() else {
            return async { Err(closed()) }.boxed_local();
        };
        let Ok(pass) = self.gate.enter() else {
            return async { Err(closed()) }.boxed_local();
        };
        let operation = operation(file);
        run(self.disk_gate.enter(), async move {
            // The operation, and with it its share of the file, is gone before the pass is.
            let result = operation.await;
            drop(pass);
            result
        })
    }
}

impl FileBackend for GlommioFile {
    fn write_at(
        &self,
        buffer: IoBuf,
        bytes: usize,
        position: u64,
    ) -> LocalBoxFuture<'_, io::Result<IoBuf>> {
        let memory = *buffer.into_memory::<PooledMemory>();
        let pool = Rc::clone(&self.pool);
        let (class, times) = (self.class, Rc::clone(&self.times));
        self.operate(move |file| async move {
            let timer = Timer::start();
            if bytes == memory.len() && bytes <= IO_BYTES_MAX {
                write_whole(&file, memory.lend(), position).await?;
            } else {
                write_pieces(&file, &pool, &memory.as_slice()[..bytes], position).await?;
            }
            times.borrow_mut().note_write(class, bytes, timer.elapsed());
            Ok(IoBuf::new(memory))
        })
    }

    fn read_at(&self, position: u64, bytes: usize) -> LocalBoxFuture<'_, io::Result<Bytes>> {
        let (class, times) = (self.class, Rc::clone(&self.times));
        let home = self.home.clone();
        self.operate(move |file| async move {
            let timer = Timer::start();
            let end = position + bytes as u64;
            let content = if bytes <= IO_BYTES_MAX {
                content_of(read_piece(&file, position, end).await?, &home)
            } else {
                read_pieces(&file, position, end).await?
            };
            assert_eq!(content.len(), bytes);
            times.borrow_mut().note_read(class, bytes, timer.elapsed());
            Ok(content)
        })
    }

    fn sync(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        let (class, times) = (self.class, Rc::clone(&self.times));
        self.operate(move |file| async move {
            let timer = Timer::start();
            file.fdatasync().await.map_err(io_error)?;
            times.borrow_mut().note_sync(class, timer.elapsed());
            Ok(())
        })
    }

    fn allocate(&self, total_bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        self.operate(move |file| async move {
            file.pre_allocate(total_bytes, false).await.map_err(io_error)
        })
    }

    fn truncate(&self, bytes: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        self.operate(move |file| async move { file.truncate(bytes).await.map_err(io_error) })
    }

    fn bytes(&self) -> io::Result<u64> {
        match &*self.file.borrow() {
            Some(file) => sys::file_bytes(file.as_raw_fd()),
            None => Err(closed()),
        }
    }

    fn close(&self) -> LocalBoxFuture<'_, io::Result<()>> {
        let Some(file) = self.file.borrow_mut().take() else {
            return async { Err(closed()) }.boxed_local();
        };
        let gate = self.gate.clone();
        run(self.disk_gate.enter(), async move {
            close_gate(gate).await;
            match Rc::try_unwrap(file) {
                Ok(file) => file.close().await.map_err(io_error),
                Err(_) => unreachable!("an operation holds the file after it left the gate"),
            }
        })
    }
}

struct Timer(Instant);

impl Timer {
    #[expect(clippy::disallowed_methods, reason = "the seam is where time comes from")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A buffer of the pool, or on its way back to it.
struct PooledMemory {
    /// Shared while a write is in flight, and never otherwise.
    buffer: Rc<DmaBuffer>,
    pool: Pool,
}

impl PooledMemory {
    fn take(pool: &Pool, bytes: usize) -> Self {
        let buffer = pool.borrow_mut().take(bytes).unwrap_or_else(|| {
            let mut buffer = ::glommio::allocate_dma_buffer_global(bytes);
            // glommio hands out uninitialised memory as a slice.
            buffer.as_bytes_mut().fill(0);
            Rc::new(buffer)
        });
        Self { buffer, pool: Rc::clone(pool) }
    }

    fn lend(&self) -> Rc<DmaBuffer> {
        Rc::clone(&self.buffer)
    }

    fn len(&self) -> usize {
        self.buffer.len()
    }
}

impl BufferMemory for PooledMemory {
    fn as_slice(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        Rc::get_mut(&mut self.buffer).expect("no write is in flight").as_bytes_mut()
    }
}

impl Drop for PooledMemory {
    fn drop(&mut self) {
        // One that a write still holds is freed by glommio when the kernel is done with it.
        if Rc::get_mut(&mut self.buffer).is_some() && self.len() <= IO_BYTES_MAX {
            self.pool.borrow_mut().put(self.len(), self.lend());
        }
    }
}

async fn open_direct(path: &Path, mode: OpenMode) -> io::Result<DmaFile> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(mode.create);
    if mode.durable_writes {
        options.custom_flags(libc::O_DSYNC);
    }
    options.dma_open(path).await.map_err(io_error)
}

/// A `DmaBuffer` is always written whole.
async fn write_whole(file: &DmaFile, buffer: Rc<DmaBuffer>, position: u64) -> io::Result<()> {
    let bytes = buffer.len();
    let written = file.write_rc_at(buffer, position).await.map_err(io_error)?;
    if written == bytes { Ok(()) } else { Err(short_write(file.as_raw_fd(), bytes - written)) }
}

async fn write_pieces(
    file: &DmaFile,
    pool: &Pool,
    content: &[u8],
    position: u64,
) -> io::Result<()> {
    stream::iter(content.chunks(IO_BYTES_MAX).enumerate())
        .map(|(index, piece)| async move {
            let mut memory = PooledMemory::take(pool, piece.len());
            memory.as_mut_slice().copy_from_slice(piece);
            let position = position + (index * IO_BYTES_MAX) as u64;
            write_whole(file, memory.lend(), position).await
        })
        .buffer_unordered(PIECES_IN_FLIGHT_MAX)
        // Not the first error but the last piece ends it: none may still be in flight.
        .fold(Ok(()), |first, result| async move { first.and(result) })
        .await
}

/// The kernel reports only what it wrote, not why it stopped.
fn short_write(fd: RawFd, missing: usize) -> io::Error {
    match sys::file_space(fd) {
        Ok(space) if space.free_bytes < missing as u64 => {
            io::Error::from_raw_os_error(libc::ENOSPC)
        }
        _ => io::Error::new(io::ErrorKind::WriteZero, format!("{missing} bytes were not written")),
    }
}

/// Cuts a range at multiples of [`IO_BYTES_MAX`].
fn cut(start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
    let step = IO_BYTES_MAX as u64;
    let mut next = start;
    std::iter::from_fn(move || {
        let piece = (next, (next / step + 1).saturating_mul(step).min(end));
        next = piece.1;
        (piece.0 < end).then_some(piece)
    })
}

/// Reads more than one I/O brings: copied together, as the pieces come.
async fn read_pieces(file: &DmaFile, start: u64, end: u64) -> io::Result<Bytes> {
    let mut pieces = stream::iter(cut(start, end))
        .map(|(start, end)| read_piece(file, start, end))
        .buffered(PIECES_IN_FLIGHT_MAX);
    let mut content = BytesMut::with_capacity((end - start) as usize);
    let mut result = Ok(());
    // Not the first error but the last piece ends it: none may still be in flight.
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(reads) => append(&mut content, &reads),
            Err(error) => result = result.and(Err(error)),
        }
    }
    result.map(|()| content.freeze())
}

/// What was read, from where it lies if it is in one piece.
fn content_of(reads: Vec<AlignedRead>, home: &Home) -> Bytes {
    match <[AlignedRead; 1]>::try_from(reads) {
        Ok([AlignedRead { read, skip, take }]) => home.bytes_of(read, skip, take),
        Err(reads) => {
            let mut content = BytesMut::new();
            append(&mut content, &reads);
            content.freeze()
        }
    }
}

fn append(content: &mut BytesMut, reads: &[AlignedRead]) {
    for AlignedRead { read, skip, take } in reads {
        content.extend_from_slice(&read[*skip..skip + take]);
    }
}

/// Whole blocks, and which of their bytes were asked for.
struct AlignedRead {
    read: ReadResult,
    skip: usize,
    take: usize,
}

/// Reads `start..end`, of at most [`IO_BYTES_MAX`] bytes and what fills them up to blocks. Yields
/// one read, unless the kernel stopped early.
async fn read_piece(file: &DmaFile, start: u64, end: u64) -> io::Result<Vec<AlignedRead>> {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    let mut reads = Vec::with_capacity(1);
    let mut next = start;
    while next < end {
        let from = next / BLOCK * BLOCK;
        let bytes = (end.next_multiple_of(BLOCK) - from) as usize;
        let read = file.read_at_aligned(from, bytes).await.map_err(io_error)?;
        let read_end = (from + read.len() as u64).min(end);
        if read_end <= next {
            let missing = (end - next) as usize;
            return Err(past_the_end(next, missing, sys::file_bytes(file.as_raw_fd())?));
        }
        let (skip, take) = ((next - from) as usize, (read_end - next) as usize);
        reads.push(AlignedRead { read, skip, take });
        next = read_end;
    }
    Ok(reads)
}

fn prepare_probe(path: &Path) -> io::Result<()> {
    let mut content = [0; BLOCK_BYTES];
    let file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if file.read_exact_at(&mut content, 0).is_err() || content != [PROBE_BYTE; BLOCK_BYTES] {
        file.write_all_at(&[PROBE_BYTE; BLOCK_BYTES], 0)?;
    }
    file.sync_all()
}

/// Runs in a task that a dropped future does not cancel and that `pass`'s gate waits for.
fn run<T: 'static>(
    pass: Result<Pass, GlommioError<()>>,
    operation: impl Future<Output = io::Result<T>> + 'static,
) -> LocalBoxFuture<'static, io::Result<T>> {
    let Ok(pass) = pass else {
        return async { Err(closed()) }.boxed_local();
    };
    async move {
        let task = ::glommio::spawn_local(async move {
            let result = operation.await;
            drop(pass);
            result
        })
        .detach();
        task.await.unwrap_or_else(|| Err(io::Error::other("the executor ended")))
    }
    .boxed_local()
}

/// Runs on glommio's helper thread. The call must not panic: glommio would never answer.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    ::glommio::executor().spawn_blocking(call).await
}

/// In a task: a gate whose `close` was dropped panics when its last visitor leaves.
async fn close_gate(gate: Gate) {
    let task = ::glommio::spawn_local(async move {
        // An error says that it is closed already.
        let _ = gate.close().await;
    });
    task.detach().await;
}

/// Keeps the number of the operating system's error, which glommio's own conversion loses.
fn io_error(error: GlommioError<()>) -> io::Error {
    match error {
        GlommioError::IoError(source) | GlommioError::EnhancedIoError { source, .. } => source,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
#[path = "glommio_test.rs"]
pub(super) mod glommio_test;
