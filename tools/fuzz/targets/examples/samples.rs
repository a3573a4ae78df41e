//! Writes a target's samples into a folder, one file each: what libFuzzer begins with.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        eprintln!("usage: samples TARGET FOLDER");
        return ExitCode::from(2);
    };
    let Some(target) = pelton_fuzz_targets::find(name) else {
        let names: Vec<&str> = pelton_fuzz_targets::TARGETS.iter().map(|it| it.name).collect();
        eprintln!("{name} is none of: {}", names.join(", "));
        return ExitCode::from(2);
    };
    match write(Path::new(folder), &(target.samples)()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path, samples: &[Vec<u8>]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (at, sample) in samples.iter().enumerate() {
        std::fs::write(folder.join(format!("sample-{at:04}")), sample)?;
    }
    Ok(())
}
