//! The working copy: where it is, and which files belong to it.

use std::path::{Path, PathBuf};

use crate::process;

pub struct Repository {
    root: PathBuf,
    /// Relative to `root`, with `/` between components, sorted. New files count before they are
    /// committed; ignored ones never do.
    files: Vec<String>,
}

impl Repository {
    /// # Errors
    /// When not started by cargo, or when the working copy is not a git one.
    pub fn locate() -> Result<Repository, String> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("CARGO_MANIFEST_DIR is not set: start this as `cargo x`")?;
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .ok_or("tools/xtask is not two levels below the root")?
            .to_path_buf();
        let listing = process::output(
            "git",
            &["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            &root,
        )?;
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|path| !path.is_empty() && root.join(path).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(Repository { root, files })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The text of a file, or None where it is not UTF-8 (golden bytes, images).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn text(&self, path: &str) -> Result<Option<String>, String> {
        let bytes =
            std::fs::read(self.root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Path and text of every Rust source file.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn rust_sources(&self) -> Result<Vec<(&str, String)>, String> {
        let mut sources = Vec::new();
        for path in self.files.iter().filter(|path| path.ends_with(".rs")) {
            let text = self.text(path)?.ok_or_else(|| format!("{path} is not UTF-8"))?;
            sources.push((path.as_str(), text));
        }
        Ok(sources)
    }
}
